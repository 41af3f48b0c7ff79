#include "command/command.h"
#include "command/engine.h"
#include "command/list_times.h"
#include "loop/signals.h"
#include "model/items.h"
#include "report/sheet.h"
#include "report/writer.h"
#include "store/memory.h"
#include "store/site.h"
#include "util/compose.h"
#include "util/escape.h"
#include "util/log.h"

#include <inttypes.h>
#include <unistd.h>

/*
 * mule list: the same collecting and selecting as `mule test`, run nothing;
 * with what past builds know, where somebody wants to read that.
 */

// From here on, text has durations in front of the ids.
#define VERBOSITY_TIMES 2

/* Notes and warnings go to standard error; the list itself to the output. */
struct list_sink {
    struct event_sink sink;
    int verbosity;
};

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    const struct list_sink *list = (const struct list_sink *)(void *)sink;
    (void)err;
    bool quiet = event->kind == EVENT_NOTE && event->note.level == NOTE_INFO &&
                 list->verbosity < 2;
    if (event->kind == EVENT_NOTE && !quiet) {
        command_say(event->note.level == NOTE_INFO ? "" : "warning: ",
                    event->note.text);
        command_say("hint: ", event->note.hint);
    }
    return true;
}

static void
on_free(struct event_sink *sink)
{
    (void)sink; // it lies on the stack of cmd_list
}

/* A store that cannot be read costs its durations, never the list. */
static void
read_past(struct memory *memory, const struct settings *settings)
{
    struct err err = {0};
    struct site site = {0};
    struct suite_key key = {0};
    struct store *store = NULL;
    int64_t suite = 0;
    if (settings->no_store) {
        return;
    }
    if (site_find(&site, settings, &err) &&
        suite_key_make(&key, &site, settings, &err)) {
        store = store_open(site.folder, STORE_READS, &err);
    }
    bool fine = store != NULL && store_find_suite(store, &key, &suite, &err) &&
                memory_load(memory, store, suite, &err);
    if (!fine) {
        log_info("list: no durations: %s", err.text);
    }
    store_close(store);
    suite_key_release(&key);
    site_release(&site);
}

/* "    0.123s  passed   " */
static void
add_past(struct buf *buf, const struct past *past)
{
    char span[SHEET_SPAN_SIZE];
    buf_addf(buf, "%11s  %-7s  ",
             past->timed ? sheet_seconds(span, past->us) : "",
             past->state != STATE_NONE ? state_name(past->state) : "");
}

static void
add_json(struct buf *buf, const struct items *items, uint32_t item,
         struct slice id, const struct past *past)
{
    const struct item *it = items_peek(items, item);
    enum job_kind kind = (enum job_kind)items_peek_job(items, it->job)->kind;

    buf_add_char(buf, '{');
    compose_slice(buf, "id", id);
    compose_text(buf, "job", items_job_name(items, it->job));
    compose_text(buf, "kind", job_kind_name(kind));
    compose_text(buf, "file", items_job_file(items, it->job));
    compose_uint(buf, "line", it->line);
    if (past->timed) {
        compose_key(buf, "expect_ms");
        buf_addf(buf, "%" PRIu64 ".%03u", past->us / 1000,
                 (unsigned)(past->us % 1000));
    }
    if (past->state != STATE_NONE) {
        compose_text(buf, "last", state_name(past->state));
    }
    buf_add_text(buf, "}\n");
}

static bool
print_items(const struct items *items, const struct settings *settings,
            struct err *err)
{
    struct writer writer;
    struct memory *memory = memory_new();
    struct history *history = memory_history(memory);
    bool json = settings->list_json;
    bool times = json || settings->verbosity >= VERBOSITY_TIMES;
    if (times) {
        read_past(memory, settings);
    }
    struct buf id = BUF_INIT((size_t)1 << 20);
    writer_init(&writer, STDOUT_FILENO);
    for (uint32_t item = 0; item < items_count(items); item++) {
        if ((items_peek(items, item)->flags & ITEM_SELECTED) == 0) {
            continue;
        }
        buf_reset(&id);
        items_id(items, item, &id);
        struct past past = {0};
        if (times) {
            history->ops->find_item(history, buf_slice(&id), &past);
        }
        if (json) {
            add_json(&writer.buf, items, item, buf_slice(&id), &past);
        } else {
            if (times) {
                add_past(&writer.buf, &past);
            }
            escape_terminal(&writer.buf, buf_slice(&id), ESCAPE_ONE_LINE);
            buf_add_char(&writer.buf, '\n');
        }
        writer_relieve(&writer);
    }
    bool fine = writer_flush(&writer);
    if (!fine) {
        *err = writer.err;
        err_wrap(err, "printing the list");
    }
    writer_release(&writer);
    buf_release(&id);
    memory_free(memory);
    return fine;
}

static bool
print_times(struct items *items, const struct settings *settings,
            struct err *err)
{
    struct memory *memory = memory_new();
    read_past(memory, settings);
    bool fine = list_times(items, settings, memory_history(memory), err);
    memory_free(memory);
    return fine;
}

/* Something that was selected is only the reason why it cannot be loaded. */
static bool
has_unloadable(const struct items *items)
{
    for (uint32_t item = 0; item < items_count(items); item++) {
        const struct item *it = items_peek(items, item);
        if ((it->flags & ITEM_SELECTED) != 0 &&
            items_peek_job(items, it->job)->kind == JOB_IMPORT) {
            return true;
        }
    }
    return false;
}

int
cmd_list(int argc, char **argv)
{
    static const struct event_sink_ops ops = {
        .name = "the list",
        .on_event = on_event,
        .free = on_free,
    };
    struct settings settings;
    int status = 0;
    if (!command_configure(COMMAND_LIST, argc, argv, &settings, &status)) {
        return status;
    }
    struct err err = {0};
    struct list_sink sink = {{&ops}, settings.verbosity};
    struct engine *engine = engine_new(
        &(struct engine_params){.settings = &settings, .list_only = true},
        &err);
    int signo = 0;
    if (engine != NULL) {
        status = engine_run(engine, &sink.sink, &err);
        signo = engine_signal(engine);
    }
    if (engine != NULL && !err_is_set(&err) && signo == 0) {
        struct items *items = engine_items(engine);
        (void)(settings.list_times ? print_times(items, &settings, &err)
                                   : print_items(items, &settings, &err));
        if (status == EXIT_PASSED && has_unloadable(engine_items(engine))) {
            status = EXIT_FAILED;
        }
    }
    engine_free(engine);
    settings_release(&settings);
    if (err_is_set(&err)) {
        status = command_fail(&err);
    }
    if (signo != 0) {
        signals_die_of(signo);
    }
    return status;
}
