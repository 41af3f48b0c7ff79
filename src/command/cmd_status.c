#include "command/command.h"

#include "celery/asker.h"
#include "config/broker.h"
#include "fleet/census.h"
#include "loop/deadline.h"
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>

/* mule status: asks everybody on the broker what they do, once. */

// Celery's own `inspect` waits as long.
#define STATUS_WAIT_MS 1000
// For the connection, several URLs included.
#define STATUS_CONNECT_MS 10000
// Once it was refused: for the other URLs, and a broker that just starts.
#define STATUS_AGAIN_MS 2000

struct status {
    struct loop *loop;
    struct transport *transport;
    struct asker *asker;
    struct census *census;
    struct deadline patience;
    struct err err;
    struct err last; // why it could not connect, so far
    bool asked;
    bool ending;
    bool closed;
};

static void
on_closed(void *ctx, const struct err *err)
{
    struct status *status = ctx;
    (void)err;
    status->closed = true;
    loop_stop(status->loop);
}

static void
close_all(void *ctx)
{
    struct status *status = ctx;
    // Its queue is deleted while there is still a way to the broker.
    asker_free(status->asker);
    status->asker = NULL;
    transport_close(status->transport, STATUS_WAIT_MS, on_closed, status);
}

static void
end(struct status *status)
{
    if (!status->ending) {
        status->ending = true;
        deadline_disarm(&status->patience);
        loop_post(status->loop, close_all, status);
    }
}

static void
on_reply(void *ctx, struct slice node, const json_t *value)
{
    struct status *status = ctx;
    census_add(status->census, node, value);
}

static void
on_done(void *ctx, size_t replies, const struct err *err)
{
    struct status *status = ctx;
    (void)replies;
    if (err != NULL) {
        status->err = *err;
    }
    end(status);
}

static void
on_up(void *ctx)
{
    struct status *status = ctx;
    if (status->asked) {
        return;
    }
    status->asked = true;
    deadline_disarm(&status->patience);
    asker_ask(status->asker, &(struct ask){
                                 .method = "mule_status",
                                 .timeout_ms = STATUS_WAIT_MS,
                                 .on_reply = on_reply,
                                 .on_done = on_done,
                                 .ctx = status,
                             });
}

static void
on_down(void *ctx, const struct err *err)
{
    struct status *status = ctx;
    if (!err_is_set(&status->last) && !status->asked) {
        deadline_arm(&status->patience, STATUS_AGAIN_MS);
    }
    status->last = *err;
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct status *status = ctx;
    status->err = *err;
    end(status);
}

static void
on_late(void *ctx)
{
    struct status *status = ctx;
    if (err_is_set(&status->last)) {
        status->err = status->last;
    } else {
        err_set(&status->err, ERR_SYSTEM, "no answer from %s within %d s",
                transport_address(status->transport), STATUS_CONNECT_MS / 1000);
    }
    err_hint(&status->err, "is the broker up, and is this its address?");
    end(status);
}

static bool
ask(struct status *status, const char *urls, struct err *err)
{
    static const struct transport_events events = {
        .on_up = on_up,
        .on_down = on_down,
        .on_failed = on_failed,
    };
    status->loop = loop_new();
    status->census = census_new();
    deadline_init(&status->patience, status->loop, on_late, status);
    status->transport = transport_open(
        &(struct transport_params){
            .loop = status->loop,
            .urls = urls,
            .name = "mule status",
            .events = &events,
            .ctx = status,
        },
        err);
    if (status->transport == NULL) {
        return false;
    }
    status->asker = asker_new(&(struct asker_params){
        .loop = status->loop, .transport = status->transport});
    deadline_arm(&status->patience, STATUS_CONNECT_MS);
    while (!status->closed) {
        loop_run(status->loop);
    }
    *err = status->err;
    return !err_is_set(err);
}

static void
release(struct status *status)
{
    asker_free(status->asker);
    transport_free(status->transport);
    deadline_release(&status->patience);
    census_free(status->census);
    loop_free(status->loop);
}

static void
print(const struct census *census, bool json)
{
    struct buf text = BUF_INIT((size_t)64 << 20);
    if (json) {
        census_write_json(census, &text);
    } else {
        census_write_text(census, &text);
    }
    fputs(buf_text(&text), stdout);
    buf_release(&text);
}

int
cmd_status(int argc, char **argv)
{
    struct settings settings;
    int exit_status = EXIT_PASSED;
    if (!command_configure(COMMAND_STATUS, argc, argv, &settings,
                           &exit_status)) {
        return exit_status;
    }
    struct err err = {0};
    const char *origin = "";
    struct status status = {0};
    char *urls = broker_choose(&settings, &origin, &err);
    if (urls != NULL && ask(&status, urls, &err)) {
        print(status.census, settings.list_json);
    } else {
        exit_status = command_fail(&err);
    }
    release(&status);
    free(urls);
    settings_release(&settings);
    return exit_status;
}
