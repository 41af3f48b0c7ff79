#include "check.h"

#include "model/chain.h"
#include "util/array.h"

#include <string.h>

/* A suite that is collected, a chain that it meets, and what came of it. */
struct scene {
    struct items *items;
    struct chain *chain;
    struct chain_take take;
    struct history history;
    const char *known; // ids that past builds had, between blanks
    const char *bad;   // likewise those that failed
    const char *unrun; // likewise those that never ran
    const char *spare; // likewise those that need not pass
    char gone[256];
};

static bool
has(const char *ids, struct slice id)
{
    return slice_find_part(slice_of(ids), id) < strlen(ids);
}

static bool
find_item(struct history *history, struct slice id, struct past *past)
{
    const struct scene *scene =
        (const struct scene *)(void *)((char *)history -
                                       offsetof(struct scene, history));

    *past = (struct past){.state = has(scene->bad, id)     ? STATE_FAILED
                                   : has(scene->unrun, id) ? STATE_NONE
                                                           : STATE_PASSED};
    return has(scene->known, id);
}

static bool
is_spared(void *ctx, const struct items *items, uint32_t item)
{
    const struct scene *scene = ctx;
    struct buf id = BUF_INIT(256);

    items_id(items, item, &id);
    bool spared = has(scene->spare, buf_slice(&id));
    buf_release(&id);
    return spared;
}

static const struct history_ops history_ops = {.find_item = find_item};

/* Two classes of two tests each, all known. */
static void
begin(struct scene *scene)
{
    static const char *const jobs[] = {"m.A", "m.B"};

    *scene = (struct scene){
        .items = items_new(),
        .chain = chain_new(),
        .history = {&history_ops},
        .known = "m.A.test_1 m.A.test_2 m.B.test_1 m.B.test_2",
        .bad = "",
        .unrun = "",
        .spare = "",
    };
    for (size_t i = 0; i < 2; i++) {
        uint32_t job = items_add_job(
            scene->items, &(struct job_params){.name = slice_of(jobs[i])});
        items_add(scene->items, job, SLICE(".test_1"), 1);
        items_add(scene->items, job, SLICE(".test_2"), 2);
    }
}

static void
end(struct scene *scene)
{
    items_free(scene->items);
    chain_free(scene->chain);
}

static void
add(struct scene *scene, const char *id, const char *job, enum state state)
{
    chain_add(scene->chain, &(struct chain_entry){id, job, "old", state});
}

static void
on_gone(void *ctx, const struct chain_entry *entry)
{
    struct scene *scene = ctx;

    size_t len = strlen(scene->gone);
    snprintf(scene->gone + len, sizeof(scene->gone) - len, "%s ", entry->id);
}

static void
choose(struct scene *scene, bool rerun, bool covers)
{
    chain_choose(scene->chain, scene->items,
                 &(struct chain_terms){.rerun = rerun,
                                       .covers = covers,
                                       .history = &scene->history,
                                       .is_spared = is_spared,
                                       .on_gone = on_gone,
                                       .ctx = scene},
                 &scene->take);
}

/* Which items are left. */
static const char *
left(const struct scene *scene)
{
    static char text[256];

    text[0] = '\0';
    for (uint32_t item = 0; item < items_count(scene->items); item++) {
        struct buf id = BUF_INIT(256);
        items_id(scene->items, item, &id);
        if ((items_peek(scene->items, item)->flags & ITEM_SELECTED) != 0) {
            size_t len = strlen(text);
            snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "",
                     buf_text(&id));
        }
        buf_release(&id);
    }
    return text;
}

static void
note(struct scene *scene, const char *id, const char *job, enum state state)
{
    struct outcome outcome = {.state = state};

    chain_note(
        scene->chain,
        &(struct event){.kind = EVENT_TEST_FINISHED,
                        .test = {.id = id, .job = job, .outcome = &outcome}});
}

static void
start(struct scene *scene, const char *build)
{
    chain_note(scene->chain, &(struct event){.kind = EVENT_RUN_STARTED,
                                             .run = {.build_id = build}});
}

static void
finish(struct scene *scene)
{
    chain_note(scene->chain, &(struct event){.kind = EVENT_RUN_FINISHED});
}

/* The entries as "id=state@build ...". */
static const char *
standing(const struct scene *scene)
{
    static char text[512];
    const struct chain_entry *entry = NULL;
    uint32_t at = 0;

    text[0] = '\0';
    while ((entry = chain_next(scene->chain, &at)) != NULL) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof(text) - len, "%s%s=%s@%s",
                 len > 0 ? " " : "", entry->id, state_name(entry->state),
                 entry->build);
    }
    return text;
}

static void
a_rerun_takes_what_failed_never_ran_or_is_new(void **state)
{
    struct scene scene;
    struct buf words = BUF_INIT(256);

    (void)state;
    begin(&scene);
    scene.known = "m.A.test_1 m.A.test_2 m.B.test_1";
    add(&scene, "m.A.test_2", "m.A", STATE_FAILED);
    add(&scene, "m.B.test_1", "m.B", STATE_NOT_RUN);
    choose(&scene, true, true);
    assert_string_equal(left(&scene), "m.A.test_2 m.B.test_1 m.B.test_2");
    chain_describe(&scene.take, &words);
    assert_string_equal(buf_text(&words), "1 failed, 1 never ran, 1 is new");
    buf_release(&words);
    end(&scene);
}

static void
what_came_back_as_it_was_when_it_went_has_to_pass(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.bad = "m.A.test_1 m.A.test_2";
    scene.unrun = "m.B.test_1";
    scene.spare = "m.A.test_2";
    choose(&scene, true, true);
    assert_string_equal(left(&scene), "m.A.test_1 m.B.test_1");
    assert_int_equal(scene.take.failed, 1);
    assert_int_equal(scene.take.unrun, 1);
    assert_int_equal(scene.take.fresh, 0);
    end(&scene);
}

static void
another_run_takes_all_that_was_selected(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "m.A.test_2", "m.A", STATE_FAILED);
    choose(&scene, false, true);
    assert_string_equal(left(&scene),
                        "m.A.test_1 m.A.test_2 m.B.test_1 m.B.test_2");
    end(&scene);
}

static void
without_a_history_all_is_new(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    chain_choose(scene.chain, scene.items, &(struct chain_terms){.rerun = true},
                 &scene.take);
    assert_int_equal(scene.take.fresh, 4);
    end(&scene);
}

static void
what_passes_goes_out_and_what_fails_comes_in(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "m.A.test_1", "m.A", STATE_FAILED);
    add(&scene, "m.A.test_2", "m.A", STATE_FAILED);
    choose(&scene, false, true);
    start(&scene, "new");
    note(&scene, "m.A.test_1", "m.A", STATE_PASSED);
    note(&scene, "m.A.test_2", "m.A", STATE_TIMEOUT);
    note(&scene, "m.B.test_1", "m.B", STATE_CRASHED);
    note(&scene, "m.B.test_2", "m.B", STATE_SKIPPED);
    finish(&scene);
    assert_string_equal(standing(&scene),
                        "m.A.test_2=timeout@old m.B.test_1=crashed@new");
    assert_false(chain_has_older(scene.chain));
    assert_true(chain_has_changed(scene.chain));
    end(&scene);
}

static void
a_narrow_run_in_between_forgets_nothing(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "m.A.test_1", "m.A", STATE_FAILED);
    add(&scene, "other.C.test_1", "other.C", STATE_FAILED);
    choose(&scene, false, false);
    start(&scene, "new");
    note(&scene, "m.A.test_1", "m.A", STATE_PASSED);
    finish(&scene);
    assert_string_equal(standing(&scene), "other.C.test_1=failed@old");
    assert_true(chain_has_older(scene.chain));
    assert_string_equal(scene.gone, "");
    end(&scene);
}

static void
a_test_that_is_no_longer_there_is_named_and_forgotten(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "m.C.test_1", "m.C", STATE_FAILED);
    choose(&scene, true, true);
    assert_string_equal(scene.gone, "m.C.test_1 ");
    assert_int_equal(scene.take.gone, 1);
    assert_int_equal(chain_count(scene.chain), 0);
    assert_string_equal(left(&scene), "");
    end(&scene);
}

static void
a_test_that_its_class_does_not_have_any_more_is_known_at_the_end(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "m.B.test_9", "m.B", STATE_FAILED);
    choose(&scene, true, true);
    assert_string_equal(left(&scene), "m.B.test_1 m.B.test_2");
    assert_string_equal(scene.gone, "");
    start(&scene, "new");
    note(&scene, "m.B.test_1", "m.B", STATE_PASSED);
    note(&scene, "m.B.test_2", "m.B", STATE_PASSED);
    finish(&scene);
    assert_string_equal(scene.gone, "m.B.test_9 ");
    assert_int_equal(chain_count(scene.chain), 0);
    end(&scene);
}

static void
a_fixture_that_failed_brings_its_class_back(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "tearDownClass (m.B)", "m.B", STATE_ERROR);
    choose(&scene, true, true);
    assert_string_equal(left(&scene), "m.B.test_1 m.B.test_2");
    assert_int_equal(scene.take.whole, 2);
    assert_int_equal(scene.take.gone, 0);
    start(&scene, "new");
    note(&scene, "m.B.test_1", "m.B", STATE_PASSED);
    note(&scene, "m.B.test_2", "m.B", STATE_PASSED);
    assert_int_equal(chain_count(scene.chain), 1);
    finish(&scene);
    assert_int_equal(chain_count(scene.chain), 0);
    end(&scene);
}

static void
a_fixture_that_fails_again_stays(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "tearDownClass (m.B)", "m.B", STATE_ERROR);
    choose(&scene, true, true);
    start(&scene, "new");
    note(&scene, "m.B.test_1", "m.B", STATE_PASSED);
    note(&scene, "m.B.test_2", "m.B", STATE_PASSED);
    note(&scene, "tearDownClass (m.B)", "m.B", STATE_ERROR);
    finish(&scene);
    assert_string_equal(standing(&scene), "tearDownClass (m.B)=error@old");
    end(&scene);
}

static void
a_fixture_whose_class_did_not_run_to_its_end_stays(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "setUpClass (m.B)", "m.B", STATE_ERROR);
    choose(&scene, true, true);
    start(&scene, "new");
    note(&scene, "m.B.test_1", "m.B", STATE_PASSED);
    note(&scene, "m.B.test_2", "m.B", STATE_NOT_RUN);
    finish(&scene);
    assert_string_equal(standing(&scene),
                        "setUpClass (m.B)=error@old m.B.test_2=not run@new");
    end(&scene);
}

static void
a_module_that_could_not_be_loaded_brings_all_its_classes_back(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "import (m)", "m", STATE_ERROR);
    choose(&scene, true, true);
    assert_int_equal(scene.take.whole, 4);
    start(&scene, "new");
    note(&scene, "m.A.test_1", "m.A", STATE_PASSED);
    finish(&scene);
    assert_int_equal(chain_count(scene.chain), 0);
    end(&scene);
}

static void
what_a_killed_build_had_selected_never_ran(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "m.A.test_2", "m.A", STATE_FAILED);
    start(&scene, "killed");
    chain_note_selected(scene.chain, "m.A.test_1", "m.A");
    chain_note_selected(scene.chain, "m.A.test_2", "m.A");
    chain_note_selected(scene.chain, "m.B.test_1", "m.B");
    note(&scene, "m.A.test_1", "m.A", STATE_PASSED);
    assert_string_equal(standing(&scene),
                        "m.A.test_2=failed@old m.B.test_1=none@killed");
    end(&scene);
}

static void
a_quarantined_test_is_not_to_pass(void **state)
{
    struct scene scene;
    struct outcome outcome = {.state = STATE_FAILED};
    struct event event = {.kind = EVENT_TEST_FINISHED,
                          .test = {.id = "m.A.test_1",
                                   .job = "m.A",
                                   .outcome = &outcome,
                                   .quarantined = true}};

    (void)state;
    begin(&scene);
    add(&scene, "m.A.test_1", "m.A", STATE_FAILED);
    chain_note(scene.chain, &event);
    assert_int_equal(chain_count(scene.chain), 0);
    end(&scene);
}

static void
a_build_in_which_all_passes_changes_nothing(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    choose(&scene, false, true);
    start(&scene, "new");
    note(&scene, "m.A.test_1", "m.A", STATE_PASSED);
    finish(&scene);
    assert_false(chain_has_changed(scene.chain));
    end(&scene);
}

static void
what_failed_passed_and_failed_again_stands_since_the_last_time(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    add(&scene, "m.A.test_1", "m.A", STATE_FAILED);
    note(&scene, "m.A.test_1", "m.A", STATE_PASSED);
    start(&scene, "new");
    note(&scene, "m.A.test_1", "m.A", STATE_FAILED);
    assert_string_equal(standing(&scene), "m.A.test_1=failed@new");
    end(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_rerun_takes_what_failed_never_ran_or_is_new),
    cmocka_unit_test(what_came_back_as_it_was_when_it_went_has_to_pass),
    cmocka_unit_test(another_run_takes_all_that_was_selected),
    cmocka_unit_test(without_a_history_all_is_new),
    cmocka_unit_test(what_passes_goes_out_and_what_fails_comes_in),
    cmocka_unit_test(a_narrow_run_in_between_forgets_nothing),
    cmocka_unit_test(a_test_that_is_no_longer_there_is_named_and_forgotten),
    cmocka_unit_test(
        a_test_that_its_class_does_not_have_any_more_is_known_at_the_end),
    cmocka_unit_test(a_fixture_that_failed_brings_its_class_back),
    cmocka_unit_test(a_fixture_that_fails_again_stays),
    cmocka_unit_test(a_fixture_whose_class_did_not_run_to_its_end_stays),
    cmocka_unit_test(
        a_module_that_could_not_be_loaded_brings_all_its_classes_back),
    cmocka_unit_test(what_a_killed_build_had_selected_never_ran),
    cmocka_unit_test(a_quarantined_test_is_not_to_pass),
    cmocka_unit_test(a_build_in_which_all_passes_changes_nothing),
    cmocka_unit_test(
        what_failed_passed_and_failed_again_stands_since_the_last_time),
};

CHECK_MAIN(tests)
