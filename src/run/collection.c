#include "run/collection.h"

#include "adapter/request_codec.h"
#include "run/verdict.h"
#include "util/alloc.h"
#include "util/escape.h"

#include <stdlib.h>
#include <string.h>

// Files of another style that a note names, and the room for their names.
#define COLLECTION_FILES_TOLD 6
#define COLLECTION_WORDS_MAX ((size_t)16 * 1024)

static void
forget_module(struct collection *collection)
{
    free(collection->module);
    free(collection->file);
    collection->module = NULL;
    collection->file = NULL;
}

static void
forget_foreign(struct collection *collection)
{
    free(collection->foreign_style);
    buf_release(&collection->foreign_words);
    collection->foreign_style = NULL;
    collection->foreign = collection->foreign_files = 0;
}

void
collection_release(struct collection *collection)
{
    forget_module(collection);
    forget_foreign(collection);
    for (size_t i = 0; i < collection->skips.count; i++) {
        free(collection->skips.items[i].module);
        free(collection->skips.items[i].reason);
    }
    ARRAY_RELEASE(&collection->skips);
}

void
collection_begin(struct collection *collection, struct items *items,
                 bool everything, const struct source_events *events, void *ctx)
{
    assert(collection->events == NULL);
    collection->items = items;
    collection->everything = everything;
    collection->events = events;
    collection->ctx = ctx;
}

void
collection_note(const struct collection *collection, enum note_level level,
                const char *text, const char *hint)
{
    if (collection->events != NULL && !collection->everything) {
        collection->events->on_note(collection->ctx, level, text, hint);
    }
}

void
collection_end(struct collection *collection, const struct err *err)
{
    const struct source_events *events = collection->events;
    collection->events = NULL;
    forget_module(collection);
    events->on_collected(collection->ctx, err);
}

void
collection_drop(struct collection *collection)
{
    collection->events = NULL;
}

// ----------------------------------------------------------------- asking

static bool
add_request(const struct collection *collection,
            const struct settings *settings, struct buf *line)
{
    ARRAY(const char *) labels = {0};
    ARRAY(struct request_skip) skips = {0};
    for (int i = 0; i < settings->labels.count; i++) {
        const char *label = settings->labels.at[i];
        if (!collection->everything && strpbrk(label, "*?[") == NULL) {
            ARRAY_ADD(&labels, label);
        }
    }
    for (size_t i = 0; i < collection->skips.count; i++) {
        const struct collection_skip *skip = &collection->skips.items[i];
        ARRAY_ADD(&skips, ((struct request_skip){skip->module, skip->reason}));
    }
    // A pattern is matched against everything that there is.
    bool patterns = (size_t)settings->labels.count > labels.count;
    struct request_collect collect = {
        .labels = labels.items,
        .label_count = patterns ? 0 : labels.count,
        .basedir = settings->basedir,
        .pattern = settings->pattern,
        .top = settings->top,
        .skip = skips.items,
        .skip_count = skips.count,
    };
    bool fits = request_add_collect(line, &collect);
    ARRAY_RELEASE(&labels);
    ARRAY_RELEASE(&skips);
    return fits;
}

bool
collection_ask(struct collection *collection, const struct settings *settings,
               struct buf *line)
{
    collection->jobs = collection->count = 0;
    items_clear(collection->items);
    forget_module(collection);
    forget_foreign(collection);
    return add_request(collection, settings, line);
}

// ---------------------------------------------------------------- answers

static bool
take_job(struct collection *collection, const struct adapter_job *job,
         struct err *err)
{
    struct items *items = collection->items;
    uint32_t number = items_add_job(items, &job->params);
    bool full = number == JOB_NONE;
    for (size_t i = 0; i < job->count && !full; i++) {
        full = items_add(items, number, job->items[i].id, job->items[i].line) ==
               ITEM_NONE;
    }
    if (full) {
        return err_set(err, ERR_PROTOCOL,
                       "it named more tests than there is room for");
    }
    collection->jobs++;
    collection->count += (uint32_t)job->count;
    return true;
}

static void
take_foreign(struct collection *collection,
             const struct adapter_foreign *foreign)
{
    struct buf *words = &collection->foreign_words;
    collection->foreign += foreign->tests;
    collection->foreign_files++;
    if (collection->foreign_style == NULL) {
        collection->foreign_style = slice_dup(foreign->style);
        buf_init(words, COLLECTION_WORDS_MAX);
    }
    if (collection->foreign_files <= COLLECTION_FILES_TOLD) {
        buf_add_char(words, ' ');
        escape_shell(words, foreign->file);
    }
}

/* Tests that only another runner understands are not passed over in silence. */
static void
tell_foreign(const struct collection *collection)
{
    if (collection->foreign == 0) {
        return;
    }
    const char *style = collection->foreign_style;
    bool pytest = strcmp(style, "pytest") == 0;
    bool more = collection->foreign_files > COLLECTION_FILES_TOLD;
    char *text = alloc_printf(
        "%u %s-style %s in %u %s cannot be run by this adapter; run them with: "
        "mule test --runner '%s $TEST'%s%s",
        collection->foreign, style, collection->foreign == 1 ? "test" : "tests",
        collection->foreign_files,
        collection->foreign_files == 1 ? "file" : "files",
        pytest ? "python3 -m pytest -q" : style,
        buf_text(&collection->foreign_words), more ? " ..." : "");
    collection_note(collection, NOTE_WARNING, text, NULL);
    free(text);
}

static void
tell_threads(const struct collection *collection,
             const struct adapter_threads *threads)
{
    struct buf text = BUF_INIT(1024);
    buf_addf(&text,
             "loading %.*s left threads behind:", SLICE_ARG(threads->module));
    for (size_t i = 0; i < threads->count; i++) {
        buf_addf(&text, "%s %.*s", i > 0 ? "," : "",
                 SLICE_ARG(threads->names[i]));
    }
    if (threads->count == 0) {
        buf_addf(&text, " %u that Python does not know", threads->native);
        collection_note(
            collection, NOTE_INFO, buf_text(&text),
            "threads do not survive a fork; --start spawn runs the tests in"
            " new processes instead");
    } else {
        buf_add_text(&text, "; its tests run in a process of their own");
        collection_note(
            collection, NOTE_WARNING, buf_text(&text),
            "start threads in setUpModule or in the tests, not while loading");
    }
    buf_release(&text);
}

/* An adapter that does not care what it is to skip would die for ever. */
static bool
is_skipped(const struct collection *collection, struct slice module)
{
    for (size_t i = 0; i < collection->skips.count; i++) {
        if (slice_equals_text(module, collection->skips.items[i].module)) {
            return true;
        }
    }
    return false;
}

static bool
take_importing(struct collection *collection,
               const struct adapter_importing *importing, struct err *err)
{
    if (is_skipped(collection, importing->module)) {
        return err_set(err, ERR_PROTOCOL,
                       "it loads module \"%.*s\", which it was told to skip",
                       SLICE_ARG(slice_first(importing->module, 100)));
    }
    forget_module(collection);
    collection->module = slice_dup(importing->module);
    collection->file = slice_dup(importing->file);
    collection->events->on_module(collection->ctx, importing->module);
    return true;
}

static void
tell_warning(const struct collection *collection, struct slice warning)
{
    char *text = slice_dup(warning);
    collection_note(collection, NOTE_WARNING, text, NULL);
    free(text);
}

bool
collection_take(struct collection *collection,
                const struct adapter_message *message, struct err *err)
{
    switch (message->kind) {
    case ADAPTER_IMPORTING:
        return take_importing(collection, &message->importing, err);
    case ADAPTER_JOB:
        return take_job(collection, &message->job, err);
    case ADAPTER_UNKNOWN:
        collection->events->on_unknown(collection->ctx, message->unknown.label,
                                       message->unknown.reason);
        break;
    case ADAPTER_FOREIGN:
        take_foreign(collection, &message->foreign);
        break;
    case ADAPTER_THREADS:
        tell_threads(collection, &message->threads);
        break;
    case ADAPTER_WARNING:
        tell_warning(collection, message->warning);
        break;
    case ADAPTER_COLLECTED:
    case ADAPTER_OTHER:
    case ADAPTER_HELLO:
    case ADAPTER_FORKED:
    case ADAPTER_EXITED:
    case ADAPTER_FAILED:
    case ADAPTER_PROCESS:
    case ADAPTER_STARTED:
    case ADAPTER_PASSED:
    case ADAPTER_FINISHED:
    case ADAPTER_FIXTURE:
    case ADAPTER_EXIT:
    case ADAPTER_DONE:
    case ADAPTER_PREPARING:
    case ADAPTER_PREPARED:
    case ADAPTER_UNFIT:
    case ADAPTER_NOTE:
    case ADAPTER_KIND_COUNT:
        break;
    }
    return true;
}

bool
collection_check(struct collection *collection,
                 const struct adapter_collected *numbers, struct err *err)
{
    if (numbers->jobs != collection->jobs ||
        numbers->items != collection->count) {
        return err_set(err, ERR_PROTOCOL,
                       "it says it collected %u jobs and %u items, but named "
                       "%u and %u",
                       numbers->jobs, numbers->items, collection->jobs,
                       collection->count);
    }
    tell_foreign(collection);
    return true;
}

void
collection_blame_module(struct collection *collection, const char *what,
                        struct slice said)
{
    char *message = alloc_printf("loading %s %s", collection->module, what);
    struct verdict verdict;
    verdict_error(&verdict, STATE_ERROR, "import", message);
    verdict.outcome.err.head = said;
    if (!collection->everything) {
        collection->events->on_broken_module(
            collection->ctx, slice_of(collection->module),
            slice_of(collection->file), &verdict.outcome);
    }
    struct collection_skip skip = {alloc_dup(collection->module), message};
    ARRAY_ADD(&collection->skips, skip);
}
