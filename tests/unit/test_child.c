#include "pseudo_terminal.h"
#include "stage.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "loop/child.h"
#include "loop/os.h"
#include "loop/signals.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/path.h"
#include "util/slice.h"

// Everything that may happen, and one child that it happens to.
struct scene {
    struct stage stage;
    struct guardians *guardians;
    int died; // guardians
    int running;
    char *leak_job; // of the last leak
    char *leak_command;
    pid_t leak_pid;
    int leaks;
    int wanted_leaks; // stops at so many
    size_t wanted_output;
    bool settled;
};

struct watched {
    struct scene *scene;
    struct child *child;
    pid_t pid;
    struct buf out;
    struct buf err_out;
    size_t bytes; // of output
    struct err err;
    struct child_exit exit;
    bool gone;
};

static void
on_leak(void *ctx, const struct guardian_leak *leak)
{
    struct scene *scene = ctx;

    free(scene->leak_job);
    free(scene->leak_command);
    scene->leak_job = alloc_dup(leak->job);
    scene->leak_command = alloc_dup(leak->command);
    scene->leak_pid = leak->pid;
    scene->leaks++;
    if (scene->leaks == scene->wanted_leaks) {
        loop_stop(scene->stage.loop);
    }
}

static void
on_died(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    assert_true(err_is_set(err));
    scene->died++;
}

static void
on_started(void *ctx, pid_t pid)
{
    struct watched *watched = ctx;

    watched->pid = pid;
    assert_int_equal(child_pid(watched->child), pid);
}

static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct watched *watched = ctx;

    watched->bytes += bytes.len;
    buf_add_slice(stream == CHILD_OUT ? &watched->out : &watched->err_out,
                  bytes);
    if (watched->scene->wanted_output > 0 &&
        watched->bytes >= watched->scene->wanted_output) {
        loop_stop(watched->scene->stage.loop);
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct watched *watched = ctx;

    watched->err = *err;
}

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct watched *watched = ctx;

    assert_false(watched->gone);
    watched->gone = true;
    watched->child = NULL;
    watched->exit = *exit;
    if (--watched->scene->running == 0) {
        loop_stop(watched->scene->stage.loop);
    }
}

static void
on_settled(void *ctx)
{
    struct scene *scene = ctx;

    scene->settled = true;
    loop_stop(scene->stage.loop);
}

static void
on_stopped(void *ctx)
{
    struct scene *scene = ctx;

    loop_stop(scene->stage.loop);
}

static const struct guardians_events guardians_events = {
    .on_leak = on_leak,
    .on_died = on_died,
};

static const struct child_events child_events = {
    .on_started = on_started,
    .on_output = on_output,
    .on_failed = on_failed,
    .on_gone = on_gone,
};

static void
begin_with(struct scene *scene, int count, uint32_t grace_ms)
{
    struct guardians_params params = {.count = count, .grace_ms = grace_ms};
    struct err err = {0};

    *scene = (struct scene){0};
    stage_init(&scene->stage);
    scene->guardians = guardians_new(scene->stage.loop, &params,
                                     &guardians_events, scene, &err);
    assert_non_null(scene->guardians);
    assert_int_equal(guardians_count(scene->guardians), count);
}

static void
begin(struct scene *scene)
{
    begin_with(scene, 1, 0);
}

static void
end(struct scene *scene)
{
    scene->running += 1000; // nobody who is lost now stops the loop early
    guardians_stop(scene->guardians, on_stopped, scene);
    stage_run(&scene->stage);
    guardians_free(scene->guardians);
    stage_release(&scene->stage);
    free(scene->leak_job);
    free(scene->leak_command);
    // Whatever they started is gone with them.
    struct os_processes below = {0};
    assert_true(os_find_below(&below, getpid()));
    assert_int_equal(below.count, 0);
    ARRAY_RELEASE(&below);
}

static void
watch(struct scene *scene, struct watched *watched,
      const struct child_params *params)
{
    struct err err = {0};

    *watched = (struct watched){.scene = scene};
    buf_init(&watched->out, 1 << 16);
    buf_init(&watched->err_out, 1 << 16);
    watched->child =
        child_start(scene->guardians, params, &child_events, watched, &err);
    assert_non_null(watched->child);
    scene->running++;
}

static void
unwatch(struct watched *watched)
{
    buf_release(&watched->out);
    buf_release(&watched->err_out);
}

// Parameters for a line of shell.
#define SHELL(line)                   \
    (const char *const[])             \
    {                                 \
        "/bin/sh", "-c", (line), NULL \
    }

// Runs one child from its start to its end.
static void
run(struct scene *scene, struct watched *watched,
    const struct child_params *params)
{
    watch(scene, watched, params);
    stage_run(&scene->stage);
    assert_true(watched->gone);
}

static void
run_shell(struct watched *watched, const char *line)
{
    struct scene scene;

    begin(&scene);
    run(&scene, watched, &(struct child_params){.argv = SHELL(line)});
    end(&scene);
}

// Runs the loop until the child has said a line, and gives a number from it.
static pid_t
read_pid(struct scene *scene, struct watched *watched)
{
    int64_t pid = 0;

    while (!slice_has(buf_slice(&watched->out), '\n')) {
        scene->wanted_output = watched->bytes + 1;
        stage_run(&scene->stage);
    }
    scene->wanted_output = 0;
    struct slice out = buf_slice(&watched->out);
    assert_true(slice_to_int(slice_first(out, slice_find(out, '\n')), 2,
                             INT32_MAX, &pid));
    buf_reset(&watched->out);
    return (pid_t)pid;
}

static void
the_exit_status_is_told(void **state)
{
    struct watched watched;

    (void)state;
    run_shell(&watched, "exit 7");
    assert_true(WIFEXITED(watched.exit.status));
    assert_int_equal(WEXITSTATUS(watched.exit.status), 7);
    assert_true(watched.pid > 0);
    assert_true(watched.exit.wall_us > 0);
    assert_true(watched.exit.usage.maxrss_kib > 0);
    assert_false(watched.exit.failed);
    assert_false(watched.exit.held);
    assert_false(watched.exit.lost);
    unwatch(&watched);
}

static void
death_by_a_signal_is_told(void **state)
{
    struct watched watched;

    (void)state;
    run_shell(&watched, "kill -SEGV $$");
    assert_true(WIFSIGNALED(watched.exit.status));
    assert_int_equal(WTERMSIG(watched.exit.status), SIGSEGV);
    unwatch(&watched);
}

static void
output_is_told_by_stream(void **state)
{
    struct watched watched;

    (void)state;
    run_shell(&watched, "echo out; echo err >&2; printf last");
    assert_string_equal(buf_text(&watched.out), "out\nlast");
    assert_string_equal(buf_text(&watched.err_out), "err\n");
    unwatch(&watched);
}

static void
output_to_one_stream_keeps_its_order(void **state)
{
    struct scene scene;
    struct watched watched;
    struct child_params params = {.argv = SHELL("echo 1; echo 2 >&2; echo 3"),
                                  .err = CHILD_OUTPUT_SAME};

    (void)state;
    begin(&scene);
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "1\n2\n3\n");
    unwatch(&watched);
    end(&scene);
}

static void
ten_mebibytes_arrive_whole(void **state)
{
    struct watched watched;

    (void)state;
    run_shell(&watched, "head -c 10485760 /dev/zero");
    assert_int_equal(watched.bytes, 10485760);
    assert_int_equal(watched.exit.status, 0);
    unwatch(&watched);
}

static void
fails(const char *const *argv, const char *cwd, const char *text)
{
    struct scene scene;
    struct watched watched;

    begin(&scene);
    run(&scene, &watched, &(struct child_params){.argv = argv, .cwd = cwd});
    assert_true(watched.exit.failed);
    assert_int_equal(watched.pid, 0);
    assert_int_equal(watched.err.kind, ERR_SPAWN);
    assert_string_equal(watched.err.text, text);
    unwatch(&watched);
    end(&scene);
}

static void
a_child_that_cannot_be_started_says_why(void **state)
{
    const char *const missing[] = {"no-such-command", NULL};
    const char *const path[] = {"/no/such/command", NULL};
    const char *const denied[] = {"/etc/passwd", NULL};
    const char *const nameless[] = {"", NULL};
    const char *const fine[] = {"true", NULL};

    (void)state;
    fails(missing, NULL, "starting no-such-command: No such file or directory");
    fails(path, NULL, "starting /no/such/command: No such file or directory");
    fails(denied, NULL, "starting /etc/passwd: Permission denied");
    fails(nameless, NULL, "starting : No such file or directory");
    fails(fine, "/no/such/folder",
          "entering /no/such/folder: No such file or directory");
}

static void
one_that_is_too_big_is_refused_at_once(void **state)
{
    struct scene scene;
    struct err err = {0};
    char *word = alloc_bytes(5UL << 20);

    (void)state;
    begin(&scene);
    memset(word, 'x', (5UL << 20) - 1);
    word[(5UL << 20) - 1] = '\0';
    struct child_params params = {
        .argv = (const char *const[]){"echo", word, NULL}};
    assert_null(
        child_start(scene.guardians, &params, &child_events, NULL, &err));
    assert_int_equal(err.kind, ERR_SPAWN);
    assert_int_equal(guardians_running(scene.guardians), 0);
    end(&scene);
    free(word);
}

static void
what_the_kernel_refuses_as_too_long_is_told(void **state)
{
    struct scene scene;
    struct watched watched;
    char *word = alloc_bytes(1UL << 20);

    (void)state;
    begin(&scene);
    memset(word, 'x', (1UL << 20) - 1);
    word[(1UL << 20) - 1] = '\0';
    run(&scene, &watched,
        &(struct child_params){.argv =
                                   (const char *const[]){"echo", word, NULL}});
    assert_string_equal(watched.err.text,
                        "starting echo: Argument list too long");
    unwatch(&watched);
    end(&scene);
    free(word);
}

static void
the_environment_is_the_base_and_its_changes(void **state)
{
    struct scene scene;
    struct watched watched;
    const char *const base[] = {"MULE_A=base", "MULE_B=base", "MULE_C", NULL};
    const char *const changes[] = {"MULE_B=1", "MULE_D=", "MULE_B=2",
                                   "MULE_E=5", "MULE_E",  NULL};

    (void)state;
    setenv("MULE_C", "mine", 1);
    setenv("MULE_F", "mine", 1);
    begin(&scene);
    guardians_environment(scene.guardians, base);
    run(&scene, &watched,
        &(struct child_params){.argv =
                                   SHELL("echo $MULE_A $MULE_B ${MULE_C-no} "
                                         "${MULE_D-no}. ${MULE_E-no} $MULE_F; "
                                         "env | grep -c ^MULE_B="),
                               .env = changes});
    assert_string_equal(buf_text(&watched.out), "base 2 no . no mine\n1\n");
    unwatch(&watched);
    end(&scene);
    unsetenv("MULE_C");
    unsetenv("MULE_F");
}

static void
commands_are_found_in_the_path_of_the_child(void **state)
{
    struct scene scene;
    struct watched watched;
    struct err err = {0};
    char *folder = path_make_private("mule-", 60, &err);
    char *path = path_join(folder, "my-command");
    char *change = alloc_printf("PATH=/nowhere:%s:/bin:/usr/bin", folder);
    FILE *file = fopen(path, "we");

    (void)state;
    assert_non_null(file);
    fputs("echo no interpreter is named, $1", file);
    assert_int_equal(fclose(file), 0);
    chmod(path, 0700);
    begin(&scene);
    run(&scene, &watched,
        &(struct child_params){
            .argv = (const char *const[]){"my-command", "word", NULL},
            .env = (const char *const[]){change, NULL}});
    assert_string_equal(buf_text(&watched.out),
                        "no interpreter is named, word\n");
    unwatch(&watched);
    end(&scene);
    assert_true(path_remove_tree(folder, &err));
    free(change);
    free(path);
    free(folder);
}

static void
the_working_folder_is_entered(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    run(&scene, &watched,
        &(struct child_params){.argv = SHELL("/bin/pwd"), .cwd = "/usr"});
    assert_string_equal(buf_text(&watched.out), "/usr\n");
    unwatch(&watched);
    end(&scene);
}

static void
the_input_is_empty_a_text_or_a_file(void **state)
{
    struct scene scene;
    struct watched watched;
    struct child_params params = {.argv = SHELL("wc -c; cat")};

    (void)state;
    begin(&scene);
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "0\n");
    unwatch(&watched);
    params.argv = SHELL("cat");
    params.input = CHILD_INPUT_TEXT;
    params.input_text = SLICE("some text");
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "some text");
    unwatch(&watched);
    params.input = CHILD_INPUT_FILE;
    params.input_path = "/proc/sys/kernel/ostype";
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "Linux\n");
    unwatch(&watched);
    params.input_path = "/no/such/file";
    run(&scene, &watched, &params);
    assert_string_equal(
        watched.err.text,
        "opening the input /no/such/file: No such file or directory");
    unwatch(&watched);
    end(&scene);
}

static void
output_is_appended_to_files(void **state)
{
    struct scene scene;
    struct watched watched;
    struct err err = {0};
    char *folder = path_make_private("mule-", 60, &err);
    char *path = path_join(folder, "out");
    char text[64] = {0};
    struct child_params params = {.argv = SHELL("echo a; echo b >&2; echo c"),
                                  .out = CHILD_OUTPUT_FILE,
                                  .err = CHILD_OUTPUT_FILE,
                                  .out_path = path,
                                  .err_path = path};

    (void)state;
    begin(&scene);
    for (int i = 0; i < 2; i++) {
        run(&scene, &watched, &params);
        assert_int_equal(watched.bytes, 0);
        unwatch(&watched);
    }
    end(&scene);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, text, sizeof(text)), 12);
    assert_string_equal(text, "a\nb\nc\na\nb\nc\n");
    close(fd);
    assert_true(path_remove_tree(folder, &err));
    free(path);
    free(folder);
}

static void
descriptors_above_two_are_closed(void **state)
{
    struct watched watched;
    int fd = open("/dev/null", O_RDONLY); // not closed on exec

    (void)state;
    assert_true(fd > 2);
    // The third is the folder itself.
    run_shell(&watched, "ls /proc/self/fd | tr '\\n' ' '");
    assert_string_equal(buf_text(&watched.out), "0 1 2 3 ");
    unwatch(&watched);
    close(fd);
}

static void
signals_are_as_they_were_made(void **state)
{
    struct watched watched;
    sigset_t set;
    sigset_t before;

    (void)state;
    signal(SIGINT, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    // Signals 32 and 33 belong to the C library, whose posix_spawn() leaves
    // them ignored in all children of, say, make. They are nobody's business.
    run_shell(&watched, "cat /proc/self/status | grep -E 'Sig(Blk|Ign|Cgt)' |"
                        " sed -E 's/^(SigIgn:.0{7})[01][08](0{7})$/\\100\\2/'");
    assert_string_equal(buf_text(&watched.out), "SigBlk:\t0000000000000000\n"
                                                "SigIgn:\t0000000000000000\n"
                                                "SigCgt:\t0000000000000000\n");
    unwatch(&watched);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGINT, SIG_DFL);
}

static void
a_child_leads_a_group_or_a_session(void **state)
{
    struct scene scene;
    struct watched watched;
    // The words behind the name: state, parent, group, session.
    struct child_params params = {.argv =
                                      SHELL("set -- $(cat /proc/$$/stat); "
                                            "[ $5 = $$ ] && echo group; "
                                            "[ $6 = $$ ] && echo session; :")};

    (void)state;
    begin(&scene);
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "group\n");
    unwatch(&watched);
    params.leads = CHILD_LEADS_SESSION;
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "group\nsession\n");
    unwatch(&watched);
    end(&scene);
}

// Runs on a terminal: what a child says about it, by how it was started.
static int
ask_for_the_terminal(int terminal, int master)
{
    struct scene scene;
    struct watched watched;
    // The foreground group is the eighth word; opening fails without one.
    struct child_params params = {
        .argv = SHELL("set -- $(cat /proc/$$/stat); "
                      "if [ $8 = $$ ]; then echo mine; fi; "
                      "(: </dev/tty) 2>/dev/null && echo there; :")};

    (void)master;
    begin(&scene);
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "");
    unwatch(&watched);
    params.leads = CHILD_LEADS_TERMINAL;
    run(&scene, &watched, &params);
    assert_string_equal(buf_text(&watched.out), "mine\nthere\n");
    unwatch(&watched);
    assert_int_equal(tcgetpgrp(terminal), getpgrp()); // ours again
    end(&scene);
    return 0;
}

static void
a_child_has_the_terminal_only_when_it_is_given(void **state)
{
    (void)state;
    assert_int_equal(in_a_terminal(ask_for_the_terminal), 0);
}

static void
a_signal_ends_the_whole_group(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    watch(&scene, &watched,
          &(struct child_params){.argv = SHELL("sleep 600 & echo $!; wait")});
    pid_t grandchild = read_pid(&scene, &watched);
    child_signal(watched.child, SIGTERM);
    stage_run(&scene.stage);
    assert_true(WIFSIGNALED(watched.exit.status));
    assert_int_equal(WTERMSIG(watched.exit.status), SIGTERM);
    assert_false(watched.exit.held);
    stage_wait_gone(grandchild, 2000);
    assert_int_equal(scene.leaks, 0);
    unwatch(&watched);
    end(&scene);
}

static void
output_that_a_grandchild_keeps_open_is_cut_off(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    scene.wanted_leaks = 1;
    watch(&scene, &watched,
          &(struct child_params){.argv = SHELL("sleep 600 & echo $!"),
                                 .tag = "b.7.1"});
    pid_t grandchild = read_pid(&scene, &watched);
    while (!watched.gone || scene.leaks == 0) {
        stage_run(&scene.stage);
    }
    assert_true(watched.exit.held);
    assert_int_equal(watched.exit.status, 0);
    assert_int_equal(scene.leak_pid, grandchild);
    assert_string_equal(scene.leak_job, "b.7.1"); // of its group
    assert_string_equal(scene.leak_command, "sleep 600");
    stage_wait_gone(grandchild, 2000);
    unwatch(&watched);
    end(&scene);
}

static void
a_daemon_is_found_by_its_job(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    scene.wanted_leaks = 1;
    run(&scene, &watched,
        &(struct child_params){
            .argv = SHELL("setsid sleep 600 >/dev/null 2>&1 & :"),
            .env = (const char *const[]){"MULE_JOB=b.8.1", NULL},
            .tag = "b.8.1"});
    assert_false(watched.exit.held);
    stage_run(&scene.stage);
    assert_string_equal(scene.leak_job, "b.8.1");
    assert_string_equal(scene.leak_command, "sleep 600");
    stage_wait_gone(scene.leak_pid, 2000);
    unwatch(&watched);
    end(&scene);
}

static void
a_daemon_that_hides_is_found_as_well(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    scene.wanted_leaks = 1;
    run(&scene, &watched,
        &(struct child_params){
            .argv = SHELL("env -i setsid sleep 600 >/dev/null 2>&1 & :"),
            .tag = "b.9.1"});
    stage_run(&scene.stage);
    assert_string_equal(scene.leak_job, "b.9.1"); // nobody else ran
    stage_wait_gone(scene.leak_pid, 2000);
    unwatch(&watched);
    end(&scene);
}

static void
a_leak_that_ignores_being_asked_is_killed(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin_with(&scene, 1, 10);
    scene.wanted_leaks = 1;
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("(trap '' TERM; echo ready; "
                            "while :; do sleep 600; done) & "
                            "read ready_is_seen </dev/zero & :")});
    while (!watched.gone || scene.leaks == 0) {
        stage_run(&scene.stage);
    }
    scene.wanted_leaks = 0;
    guardians_settle(scene.guardians, on_settled, &scene);
    stage_run(&scene.stage);
    assert_true(scene.settled);
    stage_wait_gone(scene.leak_pid, 2000);
    unwatch(&watched);
    end(&scene);
}

static void
a_child_that_ends_soon_after_its_parent_is_no_leak(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    run(&scene, &watched,
        &(struct child_params){.argv = SHELL("echo first; (echo last) & :")});
    guardians_settle(scene.guardians, on_settled, &scene);
    stage_run(&scene.stage);
    assert_int_equal(scene.leaks, 0);
    assert_string_equal(buf_text(&watched.out), "first\nlast\n");
    unwatch(&watched);
    end(&scene);
}

static void
jobs_inside_a_zygote_are_swept_when_asked(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin_with(&scene, 2, 0);
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("MULE_JOB=a.1.1 setsid sleep 600 & "
                            "MULE_JOB=a.2.1 sleep 600 & echo $!; wait"),
              .zygote = true});
    pid_t second = read_pid(&scene, &watched);
    scene.wanted_leaks = 1;
    guardians_sweep(scene.guardians, "a.1.1", 0);
    guardians_sweep(scene.guardians, "a.3.1", 0);
    stage_run(&scene.stage);
    assert_string_equal(scene.leak_job, "a.1.1");
    stage_wait_gone(scene.leak_pid, 2000);
    assert_int_equal(kill(second, 0), 0); // its job goes on
    scene.wanted_leaks = 0;
    guardians_settle(scene.guardians, on_settled, &scene);
    stage_run(&scene.stage);
    assert_int_equal(kill(second, 0), 0); // it is below a child
    assert_false(watched.gone);
    child_drop(watched.child);
    unwatch(&watched);
    end(&scene);
}

static void
what_a_zygote_leaves_is_ended_by_settling(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("setsid sleep 600 >/dev/null 2>&1 & echo $!"),
              .zygote = true});
    pid_t worker = read_pid(&scene, &watched);
    while (!watched.gone) {
        stage_run(&scene.stage);
    }
    assert_int_equal(kill(worker, 0), 0);
    assert_int_equal(scene.leaks, 0);
    guardians_settle(scene.guardians, on_settled, &scene);
    stage_run(&scene.stage);
    assert_int_equal(scene.leaks, 1);
    assert_int_equal(scene.leak_pid, worker);
    stage_wait_gone(worker, 2000);
    unwatch(&watched);
    end(&scene);
}

static void
only_descendants_are_signalled_by_pid(void **state)
{
    struct scene scene;
    struct watched watched;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid_t bystander = fork();
    if (bystander == 0) {
        char byte;
        close(fds[1]);
        _exit(read(fds[0], &byte, 1) == 0 ? 7 : 8);
    }
    close(fds[0]);
    begin(&scene);
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("setsid sleep 600 & echo $!; wait $!"),
              .zygote = true});
    pid_t worker = read_pid(&scene, &watched);
    child_signal_pid(watched.child, bystander, SIGKILL, false);
    child_signal_pid(watched.child, getpgrp(), SIGKILL, true);
    child_signal_pid(watched.child, 1, SIGKILL, false);
    child_signal_pid(watched.child, -1, SIGKILL, false);
    child_signal_pid(watched.child, worker, SIGKILL, false);
    stage_run(&scene.stage);
    // The shell has seen its child die of it, and the order of requests
    // means that the others came before.
    assert_int_equal(WEXITSTATUS(watched.exit.status), 128 + SIGKILL);
    close(fds[1]);
    int status = 0;
    assert_int_equal(waitpid(bystander, &status, 0), bystander);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    unwatch(&watched);
    end(&scene);
}

static void
on_stop(void *ctx, int signo)
{
    struct scene *scene = ctx;

    assert_int_equal(signo, SIGTSTP);
    loop_stop(scene->stage.loop);
}

// Runs on a terminal: whoever has it is stopped on it.
static int
be_stopped_on_the_terminal(int terminal, int master)
{
    static const int signos[] = {SIGTSTP};
    struct scene scene;
    struct watched watched;
    struct err err = {0};

    (void)master;
    begin(&scene);
    struct signals *signals =
        signals_new(scene.stage.loop, signos, 1, on_stop, &scene, &err);
    watch(&scene, &watched,
          &(struct child_params){.argv = SHELL("kill -TSTP $$; exit 7"),
                                 .leads = CHILD_LEADS_TERMINAL});
    stage_run(&scene.stage); // so are we
    assert_int_equal(tcgetpgrp(terminal), getpgrp());
    guardians_pause(scene.guardians, true);
    guardians_pause(scene.guardians, false);
    stage_run(&scene.stage);
    assert_int_equal(WEXITSTATUS(watched.exit.status), 7);
    assert_int_equal(tcgetpgrp(terminal), getpgrp());
    signals_free(signals);
    unwatch(&watched);
    end(&scene);
    return 0;
}

static void
a_child_that_is_stopped_on_the_terminal_stops_us(void **state)
{
    (void)state;
    assert_int_equal(in_a_terminal(be_stopped_on_the_terminal), 0);
}

// The pid of the only guardian.
static pid_t
guardian_pid(void)
{
    struct os_processes below = {0};

    assert_true(os_find_below(&below, getpid()));
    assert_true(below.count > 0);
    pid_t pid = below.items[0].pid;
    ARRAY_RELEASE(&below);
    return pid;
}

static void
a_guardian_that_is_killed_is_replaced(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("setsid sleep 600 & echo $!; wait")});
    pid_t daemon = read_pid(&scene, &watched);
    assert_int_equal(kill(guardian_pid(), SIGKILL), 0);
    stage_run(&scene.stage);
    assert_true(watched.exit.lost);
    assert_int_equal(scene.died, 1);
    stage_wait_gone(watched.pid, 2000);
    stage_wait_gone(daemon, 2000);
    unwatch(&watched);
    run(&scene, &watched, &(struct child_params){.argv = SHELL("exit 3")});
    assert_int_equal(WEXITSTATUS(watched.exit.status), 3);
    unwatch(&watched);
    end(&scene);
}

// What the kernel says a process is doing: 'R', 'S', 'T', ...
static char
state_of(pid_t pid)
{
    char *path = alloc_printf("/proc/%d/stat", (int)pid);
    char text[512] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    free(path);
    const char *end_of_name = strrchr(text, ')');
    assert_non_null(end_of_name);
    return end_of_name[2];
}

static void
wait_for_state(struct scene *scene, pid_t pid, bool stopped)
{
    msec until = now_msec() + STAGE_LIMIT_MS;

    while ((state_of(pid) == 'T') != stopped) {
        assert_true(now_msec() < until);
        stage_turn(&scene->stage);
    }
}

static void
pausing_stops_everything_below(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("setsid sleep 600 & echo $!; wait")});
    pid_t daemon = read_pid(&scene, &watched);
    guardians_pause(scene.guardians, true);
    wait_for_state(&scene, watched.pid, true);
    wait_for_state(&scene, daemon, true);
    guardians_pause(scene.guardians, false);
    wait_for_state(&scene, watched.pid, false);
    wait_for_state(&scene, daemon, false);
    unwatch(&watched);
    end(&scene); // tells it as lost
    assert_true(watched.exit.lost);
}

static void
stopping_ends_what_runs(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin_with(&scene, 2, 0);
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("trap '' TERM INT HUP; "
                            "setsid sleep 600 & echo $!; wait")});
    pid_t daemon = read_pid(&scene, &watched);
    end(&scene);
    assert_true(watched.exit.lost);
    stage_wait_gone(daemon, 0); // already
    stage_wait_gone(watched.pid, 0);
    unwatch(&watched);
}

static void
a_dropped_child_is_ended_and_forgotten(void **state)
{
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    watch(&scene, &watched,
          &(struct child_params){.argv = SHELL("echo $$; sleep 600")});
    pid_t pid = read_pid(&scene, &watched);
    child_drop(watched.child);
    scene.running--;
    msec until = now_msec() + STAGE_LIMIT_MS;
    while (guardians_running(scene.guardians) > 0) {
        assert_true(now_msec() < until);
        stage_turn(&scene.stage);
    }
    assert_false(watched.gone);
    stage_wait_gone(pid, 2000);
    unwatch(&watched);
    end(&scene);
}

static void
many_children_run_at_once(void **state)
{
    enum {
        COUNT = 200
    };
    struct scene scene;
    struct watched *watched = alloc_zero(COUNT, sizeof(*watched));

    (void)state;
    begin_with(&scene, 2, 0);
    for (int i = 0; i < COUNT; i++) {
        char *line = alloc_printf("echo %d; exit %d", i, i);
        watch(&scene, &watched[i], &(struct child_params){.argv = SHELL(line)});
        free(line);
    }
    assert_int_equal(guardians_running(scene.guardians), COUNT);
    stage_run(&scene.stage);
    for (int i = 0; i < COUNT; i++) {
        char *line = alloc_printf("%d\n", i);
        assert_true(watched[i].gone);
        assert_int_equal(WEXITSTATUS(watched[i].exit.status), i);
        assert_string_equal(buf_text(&watched[i].out), line);
        free(line);
        unwatch(&watched[i]);
    }
    assert_int_equal(guardians_running(scene.guardians), 0);
    assert_int_equal(scene.leaks, 0);
    end(&scene);
    free(watched);
}

// A number of /proc/PID/FILE behind a name.
static int64_t
proc_number(pid_t pid, const char *file, const char *name)
{
    char *path = alloc_printf("/proc/%d/%s", (int)pid, file);
    char text[4096] = {0};
    int64_t number = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0) {
        struct slice rest = slice_of(text);
        struct slice word;
        rest = slice_skip(rest, slice_find_part(rest, slice_of(name)));
        slice_word(&rest, &word);
        if (slice_word(&rest, &word)) {
            slice_to_int(word, 0, INT64_MAX, &number);
        }
    }
    close(fd);
    free(path);
    return number;
}

static void
a_guardian_does_not_hoard_what_is_not_read(void **state)
{
    const int64_t MIB = 1048576;
    struct scene scene;
    struct watched watched;

    (void)state;
    begin(&scene);
    pid_t guardian = guardian_pid();
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("echo $$; exec head -c 104857600 /dev/zero")});
    pid_t pid = read_pid(&scene, &watched);
    int64_t before = proc_number(guardian, "status", "VmRSS:");
    assert_true(before > 0);
    // Nobody turns the loop. It is full when the child waits, and the same
    // number of bytes was written some looks in a row.
    msec until = now_msec() + STAGE_LIMIT_MS;
    int64_t written = 0;
    for (int same = 0; same < 1000;) {
        int64_t now = proc_number(pid, "io", "wchar:");
        assert_true(now_msec() < until);
        same = now == written && now > 0 && state_of(pid) == 'S' ? same + 1 : 0;
        written = now;
    }
    assert_true(written < MIB * 4);
    assert_true(proc_number(guardian, "status", "VmRSS:") < before + 4096);
    stage_run(&scene.stage);
    assert_true(watched.bytes >= 104857600);
    assert_int_equal(watched.exit.status, 0);
    unwatch(&watched);
    end(&scene);
}

// What the process that is killed does: starts some, and says who they are.
static void
be_killed(int fd, const char *folder)
{
    struct scene scene;
    struct watched watched;

    begin_with(&scene, 2, 0);
    guardians_remove_at_end(scene.guardians, folder);
    watch(&scene, &watched,
          &(struct child_params){
              .argv = SHELL("trap '' TERM INT HUP; setsid sleep 600 & "
                            "(setsid sh -c 'sleep 600 & wait' &); "
                            "echo $!; exec sleep 600")});
    pid_t pids[2] = {read_pid(&scene, &watched), watched.pid};
    if (write(fd, pids, sizeof(pids)) == sizeof(pids)) {
        for (;;) {
            pause();
        }
    }
    _exit(1);
}

static void
nothing_outlives_a_program_that_is_killed(void **state)
{
    struct err err = {0};
    char *folder = path_make_private("mule-", 60, &err);
    char *inside = path_join(folder, "a/b");
    pid_t pids[2];
    int fds[2];
    struct os_processes below = {0};

    (void)state;
    assert_true(path_make_folders(inside, 0700, &err));
    assert_int_equal(pipe(fds), 0);
    pid_t program = fork();
    if (program == 0) {
        close(fds[0]);
        be_killed(fds[1], folder);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], pids, sizeof(pids)), sizeof(pids));
    close(fds[0]);
    assert_true(os_find_below(&below, program));
    assert_true(below.count >= 5); // guardians, sleeps and shells
    kill(program, SIGKILL);
    msec until = now_msec() + 2000;
    assert_int_equal(waitpid(program, NULL, 0), program);
    for (size_t i = 0; i < below.count; i++) {
        msec left = until - now_msec();
        stage_wait_gone(below.items[i].pid, left > 0 ? (int)left : 0);
    }
    stage_wait_gone(pids[0], 0);
    stage_wait_gone(pids[1], 0);
    assert_false(path_is_folder(folder));
    ARRAY_RELEASE(&below);
    // They were adopted by us, if a test before made us do so.
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    free(inside);
    free(folder);
}

static void
a_machine_of_many_processors_gets_64_guardians(void **state)
{
    struct guardians_params params = {.count = 1000};
    struct scene scene = {0};
    struct err err = {0};

    (void)state;
    stage_init(&scene.stage);
    scene.guardians = guardians_new(scene.stage.loop, &params,
                                    &guardians_events, &scene, &err);
    assert_non_null(scene.guardians);
    assert_int_equal(guardians_count(scene.guardians), 64);
    end(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_exit_status_is_told),
    cmocka_unit_test(death_by_a_signal_is_told),
    cmocka_unit_test(output_is_told_by_stream),
    cmocka_unit_test(output_to_one_stream_keeps_its_order),
    cmocka_unit_test(ten_mebibytes_arrive_whole),
    cmocka_unit_test(a_child_that_cannot_be_started_says_why),
    cmocka_unit_test(one_that_is_too_big_is_refused_at_once),
    cmocka_unit_test(what_the_kernel_refuses_as_too_long_is_told),
    cmocka_unit_test(the_environment_is_the_base_and_its_changes),
    cmocka_unit_test(commands_are_found_in_the_path_of_the_child),
    cmocka_unit_test(the_working_folder_is_entered),
    cmocka_unit_test(the_input_is_empty_a_text_or_a_file),
    cmocka_unit_test(output_is_appended_to_files),
    cmocka_unit_test(descriptors_above_two_are_closed),
    cmocka_unit_test(signals_are_as_they_were_made),
    cmocka_unit_test(a_child_leads_a_group_or_a_session),
    cmocka_unit_test(a_child_has_the_terminal_only_when_it_is_given),
    cmocka_unit_test(a_signal_ends_the_whole_group),
    cmocka_unit_test(output_that_a_grandchild_keeps_open_is_cut_off),
    cmocka_unit_test(a_daemon_is_found_by_its_job),
    cmocka_unit_test(a_daemon_that_hides_is_found_as_well),
    cmocka_unit_test(a_leak_that_ignores_being_asked_is_killed),
    cmocka_unit_test(a_child_that_ends_soon_after_its_parent_is_no_leak),
    cmocka_unit_test(jobs_inside_a_zygote_are_swept_when_asked),
    cmocka_unit_test(what_a_zygote_leaves_is_ended_by_settling),
    cmocka_unit_test(only_descendants_are_signalled_by_pid),
    cmocka_unit_test(a_guardian_that_is_killed_is_replaced),
    cmocka_unit_test(a_child_that_is_stopped_on_the_terminal_stops_us),
    cmocka_unit_test(pausing_stops_everything_below),
    cmocka_unit_test(stopping_ends_what_runs),
    cmocka_unit_test(a_dropped_child_is_ended_and_forgotten),
    cmocka_unit_test(many_children_run_at_once),
    cmocka_unit_test(a_machine_of_many_processors_gets_64_guardians),
    cmocka_unit_test(a_guardian_does_not_hoard_what_is_not_read),
    cmocka_unit_test(nothing_outlives_a_program_that_is_killed),
};

CHECK_MAIN(tests)
