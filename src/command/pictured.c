#include "command/pictured.h"

#include "store/builds.h"
#include "store/pasts.h"
#include "store/site.h"
#include "store/store.h"
#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pictured {
    struct html_history history; // first
    const struct settings *settings;
};

/* An open store, and the suite that the build is one of. */
struct opened {
    struct store *store;
    int64_t suite; // 0: not known
    const struct html_build *now;
};

static bool
note_suite(void *ctx, const struct build_entry *entry)
{
    struct opened *opened = ctx;
    if (strcmp(entry->id, opened->now->id) == 0 &&
        entry->began_ms == opened->now->wall_ms) {
        opened->suite = entry->suite;
    }
    return opened->suite == 0;
}

/* The build may not be stored yet, or be of another machine. */
static bool
find_suite(struct opened *opened, const struct site *site,
           const struct settings *settings, struct err *err)
{
    struct suite_key key = {0};
    bool fine = builds_read(opened->store, 0, 0, note_suite, opened, err) &&
                (opened->suite != 0 ||
                 (suite_key_make(&key, site, settings, err) &&
                  store_find_suite(opened->store, &key, &opened->suite, err)));
    suite_key_release(&key);
    return fine && opened->suite != 0;
}

static bool
open_store(struct html_history *history, const struct html_build *now,
           struct opened *opened)
{
    const struct settings *settings =
        ((struct pictured *)(void *)history)->settings;
    struct site site = {0};
    struct err err = {0};
    *opened = (struct opened){.now = now};
    if (site_find(&site, settings, &err)) {
        opened->store = store_open(site.folder, STORE_READS, &err);
    }
    bool fine =
        opened->store != NULL && find_suite(opened, &site, settings, &err);
    site_release(&site);
    if (!fine && opened->store != NULL) {
        store_close(opened->store);
    }
    return fine;
}

struct list {
    const struct html_build *now;
    struct html_build *builds;
    size_t most;
    size_t count;
};

static bool
add_build(void *ctx, const struct build_entry *entry)
{
    struct list *list = ctx;
    // What reran a part of a build is no measure for whole ones.
    if (entry->began_ms >= list->now->wall_ms || entry->parent[0] != '\0') {
        return true;
    }
    struct html_build *build = &list->builds[list->count++];
    *build = (struct html_build){
        .wall_ms = entry->began_ms,
        .us = entry->us,
        .flaky = entry->flaky,
        .exit_status = entry->exit_status,
    };
    (void)snprintf(build->id, sizeof(build->id), "%s", entry->id);
    for (int i = 0; i < STATE_COUNT; i++) {
        build->selected += entry->states[i];
        build->bad += state_is_bad((enum state)i) ? entry->states[i] : 0;
    }
    return list->count < list->most;
}

static size_t
on_builds(struct html_history *history, const struct html_build *now,
          struct html_build *builds, size_t most)
{
    struct list list = {.now = now, .builds = builds, .most = most};
    struct opened opened;
    struct err err = {0};
    if (!open_store(history, now, &opened)) {
        return 0;
    }
    builds_read(opened.store, opened.suite, 0, add_build, &list, &err);
    store_close(opened.store);
    for (size_t i = 0; i < list.count / 2; i++) {
        struct html_build newer = builds[i];
        builds[i] = builds[list.count - 1 - i];
        builds[list.count - 1 - i] = newer;
    }
    return list.count;
}

static void
give_points(struct html_past *past, const struct past_test *test)
{
    past->count =
        test->count < HTML_MOST_POINTS ? test->count : HTML_MOST_POINTS;
    for (size_t i = 0; i < past->count; i++) {
        const struct past_point *point = &test->points[past->count - 1 - i];
        past->points[i] = (struct html_point){
            .us = point->us,
            .state = point->state,
            .flaky = point->flaky,
        };
    }
}

static void
on_tests(struct html_history *history, const struct html_build *now,
         struct html_past *pasts, size_t count)
{
    struct opened opened;
    struct err err = {0};
    if (count == 0 || !open_store(history, now, &opened)) {
        return;
    }
    struct past_test *tests = alloc_zero(count, sizeof(*tests));
    for (size_t i = 0; i < count; i++) {
        tests[i].name = pasts[i].id;
    }
    if (pasts_read(opened.store, opened.suite, now->wall_ms, tests, count,
                   &err)) {
        for (size_t i = 0; i < count; i++) {
            give_points(&pasts[i], &tests[i]);
        }
    }
    store_close(opened.store);
    free(tests);
}

static void
on_free(struct html_history *history)
{
    free(history);
}

static const struct html_history_ops pictured_ops = {
    .builds = on_builds,
    .tests = on_tests,
    .free = on_free,
};

struct html_history *
pictured_new(const struct settings *settings)
{
    if (settings->no_store) {
        return NULL;
    }
    struct pictured *pictured = ALLOC(struct pictured);
    pictured->history.ops = &pictured_ops;
    pictured->settings = settings;
    return &pictured->history;
}
