#include "stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "loop/connection.h"
#include "loop/listener.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"

// One connection, whose other end is a plain descriptor in the test's hands.
struct pair {
    struct stage stage;
    struct connection *connection;
    int far;
    struct buf lines; // what came, each with '|' behind it
    int count;
    int stop_at;        // lines
    const char *answer; // to the first line
    bool close_on_line;
    bool drop_on_line;
    bool closed;
    struct err err;
};

static void
on_line(void *ctx, struct slice line)
{
    struct pair *pair = ctx;

    buf_add_slice(&pair->lines, line);
    buf_add_char(&pair->lines, '|');
    pair->count++;
    if (pair->answer != NULL) {
        connection_send(pair->connection, pair->answer, strlen(pair->answer));
        pair->answer = NULL;
    }
    if (pair->close_on_line) {
        connection_close(pair->connection);
    }
    if (pair->drop_on_line) {
        connection_drop(pair->connection);
        loop_stop(pair->stage.loop);
    }
    if (pair->count == pair->stop_at) {
        loop_stop(pair->stage.loop);
    }
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct pair *pair = ctx;

    pair->closed = true;
    if (err != NULL) {
        pair->err = *err;
    }
    loop_stop(pair->stage.loop);
}

static const struct connection_events events = {
    .on_line = on_line,
    .on_closed = on_closed,
};

static void
begin(struct pair *pair)
{
    int fds[2];

    *pair = (struct pair){0};
    stage_init(&pair->stage);
    buf_init(&pair->lines, 1 << 20);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    pair->far = fds[1];
    pair->connection = connection_new(pair->stage.loop, fds[0]);
    connection_start(pair->connection, &events, pair);
}

static void
end(struct pair *pair)
{
    close(pair->far);
    buf_release(&pair->lines);
    stage_release(&pair->stage);
}

static void
say(const struct pair *pair, const char *text)
{
    assert_int_equal(write(pair->far, text, strlen(text)), strlen(text));
}

static void
lines_come_one_by_one_until_the_end(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair);
    say(&pair, "one\ntwo\n\nand no end");
    shutdown(pair.far, SHUT_RDWR);
    stage_run(&pair.stage);
    assert_true(pair.closed);
    assert_false(err_is_set(&pair.err));
    assert_string_equal(buf_text(&pair.lines), "one|two||");
    end(&pair);
}

static void
a_line_may_come_in_pieces(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair);
    say(&pair, "first\nhal");
    pair.stop_at = 1;
    stage_run(&pair.stage);
    say(&pair, "f and half\n");
    pair.stop_at = 2;
    stage_run(&pair.stage);
    assert_string_equal(buf_text(&pair.lines), "first|half and half|");
    connection_drop(pair.connection);
    end(&pair);
}

static void
a_line_that_is_too_long_ends_the_connection(void **state)
{
    struct pair pair;
    char *zeros = alloc_zero(1, 1 << 16);
    size_t sent = 0;

    (void)state;
    begin(&pair);
    pid_t pid = fork();
    if (pid == 0) { // more than fits into a socket
        while (sent <= CONNECTION_MAX_LINE + 100) {
            ssize_t count = send(pair.far, zeros, 1 << 16, MSG_NOSIGNAL);
            if (count < 0) {
                break;
            }
            sent += (size_t)count;
        }
        _exit(0);
    }
    stage_run(&pair.stage);
    assert_true(pair.closed);
    assert_int_equal(pair.count, 0);
    assert_int_equal(pair.err.kind, ERR_PROTOCOL);
    assert_string_equal(pair.err.text, "a line of more than 8 MiB");
    free(zeros);
    end(&pair);
}

static void
an_answer_goes_out_at_once(void **state)
{
    struct pair pair;
    char text[16] = {0};

    (void)state;
    begin(&pair);
    pair.answer = "pong\n";
    pair.stop_at = 1;
    say(&pair, "ping\n");
    stage_run(&pair.stage);
    assert_int_equal(connection_queued(pair.connection), 0);
    assert_int_equal(read(pair.far, text, sizeof(text)), 5);
    assert_string_equal(text, "pong\n");
    connection_drop(pair.connection);
    end(&pair);
}

// Reads from the far end until it has seen `wanted` bytes or the end, turning
// the loop in between.
static size_t
drain(struct pair *pair, size_t wanted)
{
    static char bytes[1 << 16];
    size_t total = 0;

    while (total < wanted) {
        ssize_t count = recv(pair->far, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (count == 0) {
            break;
        }
        if (count > 0) {
            total += (size_t)count;
        } else {
            assert_int_equal(errno, EAGAIN);
            stage_turn(&pair->stage);
        }
    }
    return total;
}

static void
what_the_peer_does_not_take_waits_for_it(void **state)
{
    struct pair pair;
    size_t size = 4UL * 1024 * 1024;
    char *bytes = alloc_zero(1, size);

    (void)state;
    begin(&pair);
    connection_send(pair.connection, bytes, size);
    connection_send(pair.connection, bytes, 100);
    assert_true(connection_queued(pair.connection) > 0);
    assert_int_equal(drain(&pair, size + 100), size + 100);
    connection_drop(pair.connection);
    free(bytes);
    end(&pair);
}

static void
closing_sends_what_waits(void **state)
{
    struct pair pair;
    size_t size = 1024UL * 1024;
    char *bytes = alloc_zero(1, size);

    (void)state;
    begin(&pair);
    connection_send(pair.connection, bytes, size);
    connection_close(pair.connection);
    connection_close(pair.connection);
    assert_int_equal(drain(&pair, SIZE_MAX), size);
    free(bytes);
    if (!pair.closed) {
        stage_run(&pair.stage);
    }
    assert_true(pair.closed);
    assert_false(err_is_set(&pair.err));
    end(&pair);
}

static void
closing_does_not_wait_for_ever(void **state)
{
    struct pair pair;
    size_t size = 1024UL * 1024;
    char *bytes = alloc_zero(1, size);

    (void)state;
    begin(&pair);
    connection_send(pair.connection, bytes, size);
    connection_close(pair.connection);
    stage_run(&pair.stage); // nobody reads
    assert_true(pair.closed);
    free(bytes);
    end(&pair);
}

static void
a_peer_that_does_not_read_is_given_up(void **state)
{
    struct pair pair;
    size_t size = CONNECTION_MAX_QUEUE / 4;
    char *bytes = alloc_zero(1, size);

    (void)state;
    begin(&pair);
    for (int i = 0; i < 12; i++) {
        connection_send(pair.connection, bytes, size);
    }
    assert_false(pair.closed); // never from inside
    stage_run(&pair.stage);
    assert_int_equal(pair.err.kind, ERR_LIMIT);
    free(bytes);
    end(&pair);
}

static void
no_line_comes_after_closing(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair);
    pair.close_on_line = true;
    say(&pair, "one\ntwo\n");
    stage_run(&pair.stage);
    assert_string_equal(buf_text(&pair.lines), "one|");
    assert_true(pair.closed);
    end(&pair);
}

static void
nothing_comes_after_dropping(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair);
    pair.drop_on_line = true;
    say(&pair, "one\ntwo\n");
    stage_run(&pair.stage);
    loop_run(pair.stage.loop);
    assert_string_equal(buf_text(&pair.lines), "one|");
    assert_false(pair.closed);
    end(&pair);
}

static void
last_words_of_a_peer_that_died_are_heard(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair);
    say(&pair, "last words\n");
    close(pair.far);
    connection_send(pair.connection, "hello?\n", 7);
    stage_run(&pair.stage);
    assert_string_equal(buf_text(&pair.lines), "last words|");
    assert_false(err_is_set(&pair.err));
    pair.far = -1;
    end(&pair);
}

static void
a_held_connection_reads_later(void **state)
{
    struct pair pair;

    (void)state;
    begin(&pair);
    connection_hold(pair.connection, true);
    say(&pair, "one\n");
    loop_run(pair.stage.loop); // nothing can happen
    assert_int_equal(pair.count, 0);
    connection_hold(pair.connection, false);
    pair.stop_at = 1;
    stage_run(&pair.stage);
    assert_int_equal(pair.count, 1);
    connection_drop(pair.connection);
    end(&pair);
}

// A listener that starts what comes as a pair without a far end.
static void
on_connection(void *ctx, struct connection *connection)
{
    struct pair *pair = ctx;

    pair->connection = connection;
    connection_start(connection, &events, pair);
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void
who_connects_is_told_with_his_pid(void **state)
{
    struct pair pair = {0};
    struct err err = {0};
    char *folder = path_make_private("mule-", 60, &err);

    (void)state;
    assert_non_null(folder);
    stage_init(&pair.stage);
    buf_init(&pair.lines, 100);
    char *path = path_join(folder, "s");
    struct listener *listener =
        listener_new(pair.stage.loop, path, on_connection, &pair, &err);
    assert_non_null(listener);
    assert_string_equal(listener_path(listener), path);
    pair.far = connect_to(path);
    say(&pair, "hello\n");
    pair.stop_at = 1;
    stage_run(&pair.stage);
    assert_int_equal(connection_peer_pid(pair.connection), getpid());
    listener_free(listener);
    assert_int_equal(access(path, F_OK), -1);
    connection_drop(pair.connection);
    end(&pair);
    assert_true(path_remove_tree(folder, &err));
    free(path);
    free(folder);
}

static void
a_path_that_is_too_long_is_an_error(void **state)
{
    struct stage stage;
    struct err err = {0};
    char path[200];

    (void)state;
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    stage_init(&stage);
    assert_null(listener_new(stage.loop, path, NULL, NULL, &err));
    assert_string_equal(err.hint, "set TMPDIR to a shorter path");
    stage_release(&stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_come_one_by_one_until_the_end),
    cmocka_unit_test(a_line_may_come_in_pieces),
    cmocka_unit_test(a_line_that_is_too_long_ends_the_connection),
    cmocka_unit_test(an_answer_goes_out_at_once),
    cmocka_unit_test(what_the_peer_does_not_take_waits_for_it),
    cmocka_unit_test(closing_sends_what_waits),
    cmocka_unit_test(closing_does_not_wait_for_ever),
    cmocka_unit_test(a_peer_that_does_not_read_is_given_up),
    cmocka_unit_test(no_line_comes_after_closing),
    cmocka_unit_test(nothing_comes_after_dropping),
    cmocka_unit_test(last_words_of_a_peer_that_died_are_heard),
    cmocka_unit_test(a_held_connection_reads_later),
    cmocka_unit_test(who_connects_is_told_with_his_pid),
    cmocka_unit_test(a_path_that_is_too_long_is_an_error),
};

CHECK_MAIN(tests)
