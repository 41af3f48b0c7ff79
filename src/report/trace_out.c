#include "report/trace_out.h"

#include "util/compose.h"

struct buf *
trace_out_open(struct trace_out *out, const char *phase, struct slice name,
               struct trace_place place, uint64_t us)
{
    struct buf *buf = &out->writer.buf;

    buf_add_text(buf, out->begun ? ",\n{" : "{");
    out->begun = true;
    compose_text(buf, "ph", phase);
    compose_slice(buf, "name", name);
    compose_uint(buf, "pid", place.process);
    compose_uint(buf, "tid", place.thread);
    compose_uint(buf, "ts", us);
    return buf;
}

void
trace_out_close(struct trace_out *out)
{
    buf_add_char(&out->writer.buf, '}');
}

struct buf *
trace_out_instant(struct trace_out *out, uint32_t process, struct slice name,
                  const char *scope, uint64_t us)
{
    const struct trace_place place = {process, TRACE_RUN_THREAD};
    struct buf *buf = trace_out_open(out, "i", name, place, us);

    compose_text(buf, "s", scope);
    compose_open(buf, "args");
    return buf;
}

void
trace_out_close_instant(struct trace_out *out)
{
    buf_add_char(&out->writer.buf, '}');
    trace_out_close(out);
}

void
trace_out_span(struct trace_out *out, uint32_t process, struct slice name,
               uint64_t end_us, uint64_t us)
{
    const struct trace_place place = {process, TRACE_RUN_THREAD};
    uint64_t began_us = us < end_us ? end_us - us : 0;
    uint32_t id = ++out->spans;

    for (int i = 0; i < 2; i++) {
        struct buf *buf = trace_out_open(out, i == 0 ? "b" : "e", name, place,
                                         i == 0 ? began_us : end_us);
        compose_slice(buf, "cat", SLICE("run"));
        compose_uint(buf, "id", id);
        trace_out_close(out);
    }
}

static void
add_name(struct trace_out *out, const char *what, struct slice name,
         struct trace_place place)
{
    struct buf *buf = trace_out_open(out, "M", slice_of(what), place, 0);

    compose_open(buf, "args");
    compose_slice(buf, "name", name);
    buf_add_char(buf, '}');
    trace_out_close(out);
}

static void
add_index(struct trace_out *out, const char *what, uint32_t index,
          struct trace_place place)
{
    struct buf *buf = trace_out_open(out, "M", slice_of(what), place, 0);

    compose_open(buf, "args");
    compose_uint(buf, "sort_index", index);
    buf_add_char(buf, '}');
    trace_out_close(out);
}

void
trace_out_process(struct trace_out *out, struct slice name, uint32_t process)
{
    const struct trace_place place = {process, TRACE_RUN_THREAD};

    add_name(out, "process_name", name, place);
    add_index(out, "process_sort_index", process, place);
    trace_out_thread(out, SLICE("run"), 0, place);
}

void
trace_out_thread(struct trace_out *out, struct slice name, uint32_t index,
                 struct trace_place place)
{
    add_name(out, "thread_name", name, place);
    add_index(out, "thread_sort_index", index, place);
}
