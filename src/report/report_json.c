#include "report/report_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/event_codec.h"
#include "report/writer.h"
#include "util/alloc.h"

struct report_json {
    struct event_sink sink; // first
    char *path;
    struct writer writer;
};

static struct report_json *
report_json_of(struct event_sink *sink)
{
    return (struct report_json *)(void *)sink;
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct report_json *json = report_json_of(sink);

    event_codec_write(&json->writer.buf, event);
    // One write a line: there is no later moment that is sure to come, and a
    // line that waits for the next event may wait for minutes.
    if (writer_flush(&json->writer)) {
        return true;
    }
    *err = json->writer.err;
    return err_wrap(err, "writing %s", json->path);
}

static void
report_json_free(struct event_sink *sink)
{
    struct report_json *json = report_json_of(sink);

    if (json->writer.fd != STDOUT_FILENO) {
        close(json->writer.fd);
    }
    writer_release(&json->writer);
    free(json->path);
    free(json);
}

static const struct event_sink_ops report_json_ops = {
    .name = "the JSON report",
    .on_event = on_event,
    .free = report_json_free,
};

struct event_sink *
report_json_new(const char *path, struct err *err)
{
    bool to_stdout = strcmp(path, "-") == 0;
    int fd = STDOUT_FILENO;

    if (!to_stdout) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "JSON report: %s", path);
        err_hint(err, "pass --json a file in a folder that you may write to, "
                      "or - for standard output");
        return NULL;
    }
    struct report_json *json = ALLOC(struct report_json);
    json->sink.ops = &report_json_ops;
    json->path = alloc_dup(to_stdout ? "standard output" : path);
    writer_init(&json->writer, fd);
    return &json->sink;
}
