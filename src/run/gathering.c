#include "run/gathering.h"

#include "run/verdict.h"
#include "schedule/select.h"
#include "util/alloc.h"
#include "util/now.h"

#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------- the source

static void
on_module(void *ctx, struct slice module)
{
    const struct gathering *gathering = ctx;
    if (!gathering->everything) {
        chronicle_collecting(gathering->params.chronicle, module);
    }
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    const struct gathering *gathering = ctx;
    chronicle_note(gathering->params.chronicle, level, text, hint);
}

static void
on_unknown(void *ctx, struct slice label, struct slice reason)
{
    struct gathering *gathering = ctx;
    if (!gathering->everything) {
        if (gathering->reason == NULL) {
            gathering->reason = slice_dup(reason);
        }
        char *text = slice_dup(label);
        texts_add(&gathering->unknown, text);
        free(text);
    }
}

static void
on_broken_module(void *ctx, struct slice module, struct slice file,
                 const struct outcome *outcome)
{
    struct gathering *gathering = ctx;
    struct broken_module broken = {
        .module = slice_dup(module),
        .file = slice_dup(file),
        .message = slice_dup(outcome->findings[0].message),
        .said = slice_dup(outcome->err.head),
        .item = ITEM_NONE,
    };
    ARRAY_ADD(&gathering->broken, broken);
}

/* An adapter that knows what was meant spares loading everything for it. */
static bool
is_explained(const struct gathering *gathering)
{
    return gathering->reason != NULL &&
           strstr(gathering->reason, "did you mean ") != NULL;
}

/* Says which label matches nothing and what was probably meant. */
static void
explain_unknown(const struct gathering *gathering, struct err *err)
{
    const char *label = gathering->unknown.at[0];
    struct buf near = BUF_INIT(256);
    select_nearest(gathering->params.items, label, &near);
    if (near.len > 0 && !is_explained(gathering)) {
        err_set(err, ERR_USAGE,
                "label \"%s\" matches nothing; did you mean \"%s\"?", label,
                buf_text(&near));
    } else {
        err_set(err, ERR_USAGE, "label \"%s\" matches nothing: %s", label,
                gathering->reason);
    }
    const struct settings *settings = gathering->params.settings;
    if (!settings->tap) {
        // Whoever started this program has another name for its commands.
        err_hint(err, settings->rerun != NULL
                          ? "--list prints all that can be run"
                          : "`mule list` prints all that can be run");
    }
    buf_release(&near);
}

/* Nobody typed it today, and what it named may have been renamed. */
static void
tell_outdated(const struct gathering *gathering, const char *label)
{
    char *text = alloc_printf("\"%s\", which an earlier build was asked to "
                              "run, matches nothing any more",
                              label);
    chronicle_note(gathering->params.chronicle, NOTE_INFO, text, NULL);
    free(text);
}

static void collect(struct gathering *gathering, bool everything);

static void
on_collected(void *ctx, const struct err *err)
{
    struct gathering *gathering = ctx;
    const struct gathering_params *params = &gathering->params;
    struct err unknown = {0};
    bool kept = params->settings->labels_kept;
    bool is_unknown = err == NULL && gathering->unknown.count > 0 && !kept;
    for (int i = 0; kept && err == NULL && i < gathering->unknown.count; i++) {
        tell_outdated(gathering, gathering->unknown.at[i]);
    }
    if (gathering->everything || (is_unknown && is_explained(gathering))) {
        explain_unknown(gathering, &unknown);
        params->on_done(params->ctx, &unknown);
    } else if (is_unknown) {
        collect(gathering, true);
    } else {
        params->on_done(params->ctx, err);
    }
}

static void
collect(struct gathering *gathering, bool everything)
{
    static const struct source_events events = {
        .on_module = on_module,
        .on_note = on_note,
        .on_collected = on_collected,
        .on_broken_module = on_broken_module,
        .on_unknown = on_unknown,
    };
    struct source *source = gathering->params.source;
    gathering->everything = everything;
    items_clear(gathering->params.items);
    source->ops->collect(source, gathering->params.items, everything, &events,
                         gathering);
}

// -------------------------------------------------------------- selecting

/* A job of one item. Gives the item; ITEM_NONE: there is no room. */
static uint32_t
add_single(struct items *items, const struct job_params *params,
           struct slice id)
{
    uint32_t job = items_add_job(items, params);
    return job != JOB_NONE ? items_add(items, job, id, 0) : ITEM_NONE;
}

static bool
refuse_more(struct err *err)
{
    return err_set(err, ERR_SYSTEM, "there are more tests than there is room");
}

/* Such a module is an item as any other, so that it is counted and named. */
static bool
add_broken_modules(struct gathering *gathering, struct err *err)
{
    struct items *items = gathering->params.items;
    for (size_t i = 0; i < gathering->broken.count; i++) {
        struct broken_module *broken = &gathering->broken.items[i];
        struct job_params job = {
            .name = slice_of(broken->module),
            .file = slice_of(broken->file),
            .kind = JOB_IMPORT,
        };
        char *id = alloc_printf("import (%s)", broken->module);
        broken->item = add_single(items, &job, slice_of(id));
        free(id);
        if (broken->item == ITEM_NONE) {
            return refuse_more(err);
        }
    }
    return true;
}

static void
forget_broken_modules(struct gathering *gathering)
{
    for (size_t i = 0; i < gathering->broken.count; i++) {
        free(gathering->broken.items[i].module);
        free(gathering->broken.items[i].file);
        free(gathering->broken.items[i].message);
        free(gathering->broken.items[i].said);
    }
    ARRAY_RELEASE(&gathering->broken);
}

/*
 * Under --runner each selected job becomes one command, whatever its tests
 * are called.
 */
static bool
turn_into_commands(struct gathering *gathering, struct err *err)
{
    struct items *items = gathering->params.items;
    ARRAY(char *) names = {0};
    ARRAY(char *) files = {0};
    for (uint32_t job = 0; job < items_job_count(items); job++) {
        // Also for a module that could not be loaded here.
        if (book_count_open(items, job) > 0) {
            ARRAY_ADD(&names, alloc_dup(items_job_name(items, job)));
            ARRAY_ADD(&files, alloc_dup(items_job_file(items, job)));
        }
    }
    items_clear(items);
    forget_broken_modules(gathering);
    bool fits = true;
    for (size_t i = 0; i < names.count; i++) {
        struct job_params job = {
            .name = slice_of(names.items[i]),
            .file = slice_of(files.items[i]),
            .kind = JOB_COMMAND,
        };
        fits = fits && add_single(items, &job, job.name) != ITEM_NONE;
        free(names.items[i]);
        free(files.items[i]);
    }
    ARRAY_RELEASE(&names);
    ARRAY_RELEASE(&files);
    return fits || refuse_more(err);
}

/* People who see a run of nothing want to know where was looked. */
static void
warn_empty(const struct gathering *gathering)
{
    const struct settings *settings = gathering->params.settings;
    if (settings->labels.count > 0 || settings->jobs_from != NULL ||
        settings->adapter.count > 0) {
        chronicle_note(gathering->params.chronicle, NOTE_WARNING,
                       "there are no tests in what was named", NULL);
        return;
    }
    char *text =
        alloc_printf("no tests of unittest were found in files %s of %s and "
                     "the packages in it",
                     settings->pattern,
                     strcmp(settings->basedir, ".") == 0 ? "this folder"
                                                         : settings->basedir);
    chronicle_note(gathering->params.chronicle, NOTE_WARNING, text,
                   "a package is a folder with an __init__.py; --basedir and "
                   "--pattern look elsewhere");
    free(text);
}

static void
warn_in_vain(const struct gathering *gathering, const char *pattern)
{
    char *text = alloc_printf("\"%s\" fits none of the tests", pattern);
    chronicle_note(gathering->params.chronicle, NOTE_WARNING, text, NULL);
    free(text);
}

/* What is selected by now. */
static void
count_selected(const struct items *items, struct event_collected *collected)
{
    collected->items = collected->jobs = 0;
    for (uint32_t job = 0; job < items_job_count(items); job++) {
        uint32_t open = book_count_open(items, job);
        collected->items += open;
        collected->jobs += open > 0;
    }
}

/* Past builds, or another machine, spare us a part of it. */
static void
leave_out(struct gathering *gathering, struct event_collected *collected)
{
    struct filter *filter = gathering->params.filter;
    uint32_t before = collected->items;
    if (filter == NULL || before == 0) {
        return;
    }
    filter->ops->choose(filter, gathering->params.items, on_note, gathering);
    count_selected(gathering->params.items, collected);
    collected->excluded += before - collected->items;
    gathering->spared = collected->items == 0;
}

/* Other machines have a part of it. */
static void
divide(struct gathering *gathering, struct event_collected *collected)
{
    const struct gathering_params *params = &gathering->params;
    struct sharding *sharding = &gathering->sharding;
    uint32_t before = collected->items;
    if (params->settings->shard == 0) {
        return;
    }
    sharding_divide(sharding, params->settings, params->items,
                    params->durations);
    sharding_describe(sharding, collected);
    count_selected(params->items, collected);
    if (sharding->in_vain) {
        char *text = alloc_printf("%s knows none of the jobs",
                                  durations_path(params->durations));
        chronicle_note(params->chronicle, NOTE_WARNING, text,
                       "its lines are seconds and the name of a job, as "
                       "`mule list --times` prints them");
        free(text);
    }
    if (before > 0 && collected->items == 0) {
        char *text = alloc_printf("shard %s is empty: others have all that is "
                                  "selected",
                                  sharding->shard);
        chronicle_note(params->chronicle, NOTE_INFO, text, NULL);
        free(text);
        gathering->spared = true;
    }
}

void
gathering_tell_elsewhere(const struct gathering *gathering)
{
    sharding_tell(&gathering->sharding, gathering->params.chronicle);
}

bool
gathering_select(struct gathering *gathering, struct event_collected *collected,
                 struct err *err)
{
    const struct gathering_params *params = &gathering->params;
    const struct settings *settings = params->settings;
    if (!add_broken_modules(gathering, err)) {
        return false;
    }
    // A label of a command is the name of a job, whatever it looks like.
    bool pattern = !settings->tap && settings->runner == NULL &&
                   select_has_pattern(&settings->labels);
    struct selection selection = {
        .labels = pattern ? &settings->labels : NULL,
        .patterns = &settings->patterns,
        .include = &settings->include,
        .exclude = &settings->exclude,
    };
    struct selected selected = {0};
    if (!select_items(params->items, &selection, &selected, err)) {
        return false;
    }
    if (items_count(params->items) == 0) {
        warn_empty(gathering);
    } else if (selected.in_vain != NULL) {
        warn_in_vain(gathering, selected.in_vain);
    }
    *collected = (struct event_collected){
        .items = selected.items,
        .excluded = selected.excluded,
        .jobs = selected.jobs,
        .us = (uint64_t)(now_usec() - gathering->began),
        .order = order_mode_name(settings->order),
        .seed = settings->order == ORDER_RANDOM ? settings->seed : NULL,
    };
    if (params->commands) {
        collected->items = collected->jobs;
        if (!turn_into_commands(gathering, err)) {
            return false;
        }
    }
    leave_out(gathering, collected);
    divide(gathering, collected);
    return true;
}

bool
gathering_is_spared(const struct gathering *gathering)
{
    return gathering->spared;
}

void
gathering_tell_broken(const struct gathering *gathering, struct book *book)
{
    for (size_t i = 0; i < gathering->broken.count; i++) {
        const struct broken_module *broken = &gathering->broken.items[i];
        if (broken->item == ITEM_NONE) {
            continue;
        }
        struct verdict verdict;
        verdict_error(&verdict, STATE_ERROR, "import", broken->message);
        verdict.outcome.err.head = slice_of(broken->said);
        struct chronicle_place place = {
            .job = items_peek(book->items, broken->item)->job,
            .item = broken->item,
            .slot = -1,
        };
        book_decide(book, &place, &verdict.outcome);
    }
}

// ----------------------------------------------------------- from outside

void
gathering_init(struct gathering *gathering,
               const struct gathering_params *params)
{
    *gathering = (struct gathering){.params = *params};
}

void
gathering_release(struct gathering *gathering)
{
    forget_broken_modules(gathering);
    texts_release(&gathering->unknown);
    sharding_release(&gathering->sharding);
    free(gathering->reason);
}

void
gathering_start(struct gathering *gathering)
{
    gathering->began = now_usec();
    collect(gathering, false);
}
