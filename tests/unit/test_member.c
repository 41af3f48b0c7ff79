#include "fleet/member.h"

#include <dirent.h>

#include "check.h"
#include "fleet/marker.h"
#include "folder.h"
#include "member_scene.h"

#define HELLO "{\"msg\":\"hello\",\"protocol\":\"1.0\",\"version\":\"0\"}"
#define READY "{\"msg\":\"ready\",\"us\":5}"
#define BEGINS(job) "{\"k\":\"job\",\"o\":[" #job ",1],\"slot\":4}"
#define ENDS(job) \
    "{\"k\":\"end\",\"o\":[" #job ",1],\"slot\":4,\"end\":\"done\"}"
#define UPDATES(list) "{\"msg\":\"u\",\"u\":[" list "]}"

static bool
has_marker(void)
{
    json_t *about = NULL;
    bool held = false;
    struct marker *marker =
        marker_find("state/joins", "one@host", &about, &held);

    marker_free(marker);
    json_decref(about);
    return marker != NULL;
}

static size_t
count_files(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    const struct dirent *entry = NULL;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static void
an_offer_is_answered_and_the_others_are_left(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    assert_true(scene.offers);
    uint64_t task = scene_offer(&scene, 60000);
    assert_false(scene.offers);
    assert_int_equal(scene.said.count, 1);
    assert_string_equal(scene.inboxes.items[0], "mule-in-b=201");
    const json_t *hello = scene.said.items[0];
    assert_true(scene_is(hello, "msg", "\"hello\""));
    assert_true(scene_is(hello, "node", "\"one@host\""));
    assert_true(scene_is(hello, "kind", "\"native\""));
    assert_true(scene_is(hello, "slots", "2"));
    assert_int_equal(scene.ends.count, 1);
    assert_int_equal(scene.ends.items[0].task, task);
    assert_int_equal(scene.ends.items[0].how, TASK_DONE);
    assert_int_equal(scene.engines.count, 0);
    scene_finish(&scene);
}

static void
a_build_is_served_from_the_welcome_to_the_last_word(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_offer(&scene, 60000);
    scene_welcome(&scene, 60000);
    assert_int_equal(count_files("state/joins"), 1); // before it begins
    scene_engine_says(&scene, HELLO);
    const json_t *plan = scene_ordered(&scene, "plan");
    assert_true(scene_is(plan, "build", "\"b 1\""));
    assert_true(scene_is(plan, "base", "4"));
    assert_true(scene_is(plan, "slots", "2"));
    assert_true(scene_is(plan, "prepared", "false"));
    assert_true(scene_is(plan, "workspace", "null"));
    scene.read = scene.said.count;
    scene_engine_says(&scene, UPDATES("{\"k\":\"said\",\"text\":\"x\"}"));
    scene_engine_says(&scene, READY);
    scene_update(&scene, "said");
    scene_update(&scene, "joined");
    assert_string_equal(scene.queue, "mule-b=201");
    assert_int_equal(scene.prefetch, 6); // two slots, three deep

    uint64_t task = scene_run(&scene, 17, 1, false);
    const json_t *run = scene_ordered(&scene, "run");
    assert_int_equal(json_array_size(json_object_get(run, "orders")), 1);
    scene_engine_says(&scene, UPDATES(BEGINS(17)));
    assert_int_equal(scene.ends.count, 1); // the offer's
    scene_engine_says(&scene, UPDATES(ENDS(17)));
    assert_int_equal(scene.ends.items[1].task, task);
    assert_int_equal(scene.ends.items[1].how, TASK_DONE);

    scene_control(&scene, FLEET_TEARDOWN, scene.join,
                  json_pack("{s:b}", "now", 0));
    assert_true(scene.left);
    scene_ordered(&scene, "teardown");
    assert_int_equal(count_files("state/joins"), 1);
    assert_false(scene.offers);
    scene_engine_leaves(&scene);
    assert_int_equal(count_files("state/joins"), 0);
    assert_true(scene.offers);
    assert_true(scene_is(scene_update(&scene, "took"), "os", "[[17,1]]"));
    scene_update(&scene, "job");
    scene_update(&scene, "end");
    const json_t *left = scene_update(&scene, "left");
    assert_true(scene_is(left, "ok", "true"));
    assert_int_equal(scene.erased.count, 0);
    scene_finish(&scene);
}

static void
the_numbers_of_updates_begin_with_one_and_have_no_holes(void **state)
{
    (void)state;
    struct scene scene = {0};
    json_int_t expected = 1;

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    for (int job = 1; job <= 40; job++) {
        scene_run(&scene, job, 1, false);
    }
    scene_control(&scene, FLEET_TEARDOWN, scene.join,
                  json_pack("{s:b}", "now", 0));
    scene_engine_leaves(&scene);
    for (size_t i = 0; i < scene.said.count; i++) {
        if (scene_is(scene.said.items[i], "msg", "\"updates\"")) {
            assert_int_equal(
                json_integer_value(json_object_get(scene.said.items[i], "n")),
                expected);
            expected++;
        }
    }
    assert_true(expected > 2);
    scene_finish(&scene);
}

static void
what_is_forged_of_another_build_or_late_changes_nothing(void **state)
{
    (void)state;
    struct scene scene = {0};

    secret_set(&scene.secret, SLICE("hush"));
    scene_begin(&scene, NULL);
    scene_serve(&scene);
    size_t sent = scene.orders.count;

    // Sealed with another secret.
    struct secret guessed = {0};
    secret_set(&guessed, SLICE("guessed"));
    scene.sealing = &guessed;
    scene_run(&scene, 1, 1, false);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_FAILED);
    scene_control(&scene, FLEET_TEARDOWN, scene.join, json_object());
    secret_release(&guessed);
    scene.sealing = NULL;
    // Said before: its number is not above the last one.
    scene_control(&scene, FLEET_RESEND, scene.join,
                  json_pack("{s:i}", "from", 99));
    scene.n -= 1;
    scene_control(&scene, FLEET_TEARDOWN, scene.join, json_object());
    // Of another join.
    scene_control(&scene, FLEET_TEARDOWN, "0123456789abcdef", json_object());
    assert_int_equal(scene.orders.count, sent);
    assert_false(scene.left);
    // And the real one does.
    scene_control(&scene, FLEET_TEARDOWN, scene.join, json_object());
    assert_true(scene.left);
    scene_finish(&scene);
}

static void
a_welcome_of_another_join_or_a_refusal_starts_no_engine(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_offer(&scene, 60000);
    scene_control(&scene, FLEET_WELCOME, "0123456789abcdef",
                  scene_welcome_members(60000));
    assert_int_equal(scene.engines.count, 0);
    assert_false(scene.offers);
    scene_control(&scene, FLEET_WELCOME, scene.join,
                  json_pack("{s:b, s:s}", "accept", 0, "reason", "enough"));
    assert_int_equal(scene.engines.count, 0);
    assert_true(scene.offers);
    scene_finish(&scene);
}

static bool
takes_offers(struct scene *scene)
{
    return scene->offers;
}

static void
an_offer_that_nobody_stands_for_is_dropped(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_offer(&scene, 200);
    scene_wait(&scene, takes_offers);
    assert_int_equal(scene.engines.count, 0);
    // A welcome that comes now is told that nobody is there.
    size_t said = scene.said.count;
    scene_welcome(&scene, 60000);
    assert_int_equal(scene.engines.count, 0);
    scene.read = said;
    scene_update(&scene, "left");
    scene_finish(&scene);
}

static void
an_offer_whose_inbox_is_gone_is_dropped_at_once(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene.no_inbox = true;
    scene_offer(&scene, 60000);
    assert_true(scene.offers);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_DONE);
    scene_finish(&scene);
}

static void
an_offer_to_a_member_of_a_build_goes_back(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_offer(&scene, 60000);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_RETURNED);
    scene_finish(&scene);
}

static void
orders_that_come_to_a_free_member_do_not_go_back(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_run(&scene, 1, 1, false);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_FAILED);
    assert_true(scene.offers);
    scene_finish(&scene);
}

static void
a_redelivered_copy_of_what_is_here_is_adopted(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    uint64_t first = scene_run(&scene, 17, 1, false);
    scene_ordered(&scene, "run");
    scene_update(&scene, "took");
    scene_engine_says(&scene, UPDATES(BEGINS(17)));
    member_carrier_events.on_task_gone(scene.member, first);
    uint64_t second = scene_run(&scene, 17, 1, true);
    scene_ordered_nothing(&scene); // it runs once
    size_t ends = scene.ends.count;
    scene_engine_says(&scene, UPDATES(ENDS(17)));
    assert_int_equal(scene.ends.count, ends + 1);
    assert_int_equal(ARRAY_LAST(&scene.ends).task, second);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_DONE);
    // And a third one, of what is over, is acknowledged and not run.
    uint64_t third = scene_run(&scene, 17, 1, true);
    scene_ordered_nothing(&scene);
    assert_int_equal(ARRAY_LAST(&scene.ends).task, third);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_DONE);
    scene_finish(&scene);
}

static void
a_redelivered_copy_of_somebody_elses_is_bounced(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    uint64_t task = scene_run(&scene, 18, 1, true);
    scene_ordered_nothing(&scene);
    assert_int_equal(ARRAY_LAST(&scene.ends).task, task);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_DONE);
    assert_true(scene_is(scene_update(&scene, "bounced"), "os", "[[18,1]]"));
    scene_finish(&scene);
}

static void
a_task_ends_with_the_last_of_its_orders(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_task(
        &scene, TASK_RUN,
        json_pack("{s:[o,o]}", "orders", scene_order(1, 1), scene_order(2, 1)),
        false);
    size_t ends = scene.ends.count;
    scene_engine_says(&scene, UPDATES(ENDS(2)));
    assert_int_equal(scene.ends.count, ends);
    scene_engine_says(
        &scene, UPDATES("{\"k\":\"differs\",\"o\":[1,1],\"reason\":\"r\"}"));
    assert_int_equal(scene.ends.count, ends + 1);
    scene_finish(&scene);
}

static void
a_task_with_results_says_what_people_ask_for(void **state)
{
    (void)state;
    struct scene scene = {.loop = loop_new()};
    struct member_params params = scene_params(&scene);

    params.results = true;
    scene_begin(&scene, &params);
    scene_serve(&scene);
    scene_run(&scene, 1, 1, false);
    scene_engine_says(
        &scene,
        UPDATES(BEGINS(1) ",{\"k\":\"result\",\"o\":[1,1],\"i\":0,\"slot\":4,"
                          "\"state\":\"passed\",\"us\":1},{\"k\":\"end\",\"o\":"
                          "[1,1],\"slot\":4,\"end\":\"done\",\"status\":3,"
                          "\"out\":\"said\",\"usage\":{\"user_us\":9}}"));
    const json_t *value = ARRAY_LAST(&scene.ends).value;
    assert_true(scene_is(value, "retcode", "3"));
    assert_true(scene_is(value, "items", "1"));
    assert_true(scene_is(value, "stdout", "\"said\""));
    assert_true(scene_is(value, "build_id", "\"b 1\""));
    assert_true(scene_is(value, "job", "\"some.Job\""));
    assert_true(scene_is(value, "worker", "\"one@host\""));
    assert_true(scene_is(value, "slot", "4"));
    assert_true(scene_is(value, "attempt", "1"));
    assert_non_null(json_object_get(value, "timeStarted"));
    assert_non_null(json_object_get(value, "timeFinished"));
    scene_finish(&scene);
}

static void
updates_are_kept_until_they_are_acknowledged(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene); // n = 1: joined
    scene_control(&scene, FLEET_STATE, NULL, json_pack("{s:i}", "ask", 5));
    size_t said = scene.said.count; // n = 2: holds
    scene_control(&scene, FLEET_RESEND, scene.join,
                  json_pack("{s:i}", "from", 1));
    assert_int_equal(scene.said.count, said + 2);
    scene_lease(&scene, 60000, scene.join, 1);
    scene_control(&scene, FLEET_RESEND, scene.join,
                  json_pack("{s:i}", "from", 1));
    assert_int_equal(scene.said.count, said + 3);
    assert_true(scene_is(ARRAY_LAST(&scene.said), "n", "2"));
    // And again when the way to the broker was lost.
    member_carrier_events.on_way(scene.member, false);
    member_carrier_events.on_way(scene.member, true);
    assert_int_equal(scene.said.count, said + 4);
    scene_finish(&scene);
}

static bool
is_torn_down(struct scene *scene)
{
    return scene->left;
}

static void
a_member_whose_lease_is_over_tears_down_and_cleans_the_broker(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    // Short, but no starved machine is taken for one that was stopped.
    scene_lease(&scene, 1500, scene.join, 0);
    scene_wait(&scene, is_torn_down);
    const json_t *teardown = scene_ordered(&scene, "teardown");
    assert_true(scene_is(teardown, "now", "true"));
    scene_engine_leaves(&scene);
    assert_int_equal(scene.erased.count, 2);
    assert_string_equal(scene.erased.items[0], "mule-in-b=201");
    assert_string_equal(scene.erased.items[1], "mule-b=201");
    assert_true(scene.sure);
    assert_true(scene.offers);
    scene_finish(&scene);
}

static void
whoever_was_cut_off_itself_is_not_sure_that_a_build_is_dead(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_lease(&scene, 150, scene.join, 0);
    member_carrier_events.on_way(scene.member, false);
    scene_wait(&scene, is_torn_down);
    scene_engine_leaves(&scene);
    assert_int_equal(scene.erased.count, 2);
    assert_false(scene.sure);
    scene_finish(&scene);
}

static bool
has_erased(struct scene *scene)
{
    return scene->erased.count > 0;
}

static void
last_words_that_nobody_takes_do_not_stay(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_lease(&scene, 1000, scene.join, 0);
    scene_control(&scene, FLEET_TEARDOWN, scene.join, json_object());
    scene_engine_leaves(&scene);
    assert_int_equal(scene.erased.count, 0);
    scene_wait(&scene, has_erased);
    assert_int_equal(scene.erased.count, 1);
    assert_string_equal(scene.erased.items[0], "mule-in-b=201");
    assert_false(scene.sure);
    scene_finish(&scene);
}

static void
last_words_that_were_taken_need_no_cleaning(void **state)
{
    (void)state;
    struct scene scene = {0};
    char join[ENVELOPE_JOIN_SIZE];

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    memcpy(join, scene.join, sizeof(join));
    scene_control(&scene, FLEET_TEARDOWN, join, json_object());
    scene_ordered(&scene, "teardown");
    scene_engine_leaves(&scene);
    const json_t *last = ARRAY_LAST(&scene.said);
    scene_lease(&scene, 60000, join,
                (int)json_integer_value(json_object_get(last, "n")));
    // Those of the next join are not taken.
    scene_serve(&scene);
    scene_lease(&scene, 1000, scene.join, 0);
    scene_control(&scene, FLEET_TEARDOWN, scene.join, json_object());
    scene_engine_leaves(&scene);
    scene_wait(&scene, has_erased);
    assert_int_equal(scene.erased.count, 1);
    scene_finish(&scene);
}

static bool
has_said_that_it_is_there(struct scene *scene)
{
    size_t alive = 0;

    for (size_t i = 0; i < scene->said.count; i++) {
        json_t *u = json_object_get(scene->said.items[i], "u");
        alive += u != NULL && json_array_size(u) == 0;
    }
    // Kept alive as long as that takes.
    scene_lease(scene, 600, scene->join, 0);
    return alive >= 3;
}

static void
between_leases_it_says_that_it_is_there(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_wait(&scene, has_said_that_it_is_there);
    assert_false(scene.left);
    scene_finish(&scene);
}

static void
what_began_is_lost_with_its_engine_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    uint64_t first = scene_run(&scene, 1, 1, false);
    scene_ordered(&scene, "run");
    scene_run(&scene, 2, 1, false);
    scene_ordered(&scene, "run");
    scene_engine_says(&scene, UPDATES(BEGINS(1)));
    scene_update(&scene, "took");
    scene_engine_dies(&scene);
    assert_int_equal(ARRAY_LAST(&scene.ends).task, first);
    assert_int_equal(scene.engines.count, 2);
    // Orders that come meanwhile wait.
    scene_run(&scene, 3, 1, false);
    scene_engine_says(&scene, HELLO);
    assert_true(scene_is(scene_ordered(&scene, "plan"), "prepared", "true"));
    scene_engine_says(&scene, READY);
    const json_t *run = scene_ordered(&scene, "run");
    assert_int_equal(json_array_size(json_object_get(run, "orders")), 2);
    scene_ordered_nothing(&scene);
    scene_update(&scene, "took");
    scene_update(&scene, "job");
    const json_t *end = scene_update(&scene, "end");
    assert_true(scene_is(end, "o", "[1,1]"));
    assert_true(scene_is(end, "end", "\"lost\""));
    scene_update(&scene, "took");
    scene_finish(&scene);
}

static void
a_second_death_ends_the_join_after_its_teardown(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_engine_dies(&scene);
    scene_engine_says(&scene, HELLO);
    scene_ordered(&scene, "plan");
    scene_engine_says(&scene, READY);
    scene_engine_dies(&scene);
    assert_true(scene.left);
    assert_int_equal(scene.engines.count, 3);
    scene_engine_says(&scene, HELLO);
    assert_true(scene_is(scene_ordered(&scene, "plan"), "prepared", "true"));
    scene_engine_says(&scene, READY);
    scene_ordered(&scene, "teardown");
    scene_engine_leaves(&scene);
    scene_update(&scene, "failed");
    scene_update(&scene, "left");
    assert_true(scene.offers);
    assert_int_equal(count_files("state/joins"), 0);
    // It will not serve this build again.
    scene_offer(&scene, 60000);
    assert_true(scene.offers);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_DONE);
    scene_finish(&scene);
}

static void
a_setup_that_fails_is_torn_down_and_said(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_offer(&scene, 60000);
    scene_welcome(&scene, 60000);
    scene.read = scene.said.count;
    scene_engine_says(&scene, HELLO);
    scene_ordered(&scene, "plan");
    scene_engine_says(&scene, "{\"msg\":\"failed\",\"why\":\"no disk\"}");
    scene_ordered(&scene, "teardown");
    scene_engine_leaves(&scene);
    assert_true(scene_is(scene_update(&scene, "failed"), "why", "\"no disk\""));
    scene_update(&scene, "left");
    assert_null(scene.queue);
    assert_true(scene.offers);
    scene_finish(&scene);
}

static void
an_engine_that_dies_in_setup_is_followed_by_one_that_tears_down(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_offer(&scene, 60000);
    scene_welcome(&scene, 60000);
    scene.read = scene.said.count;
    scene_engine_says(&scene, HELLO);
    scene_ordered(&scene, "plan");
    scene_engine_dies(&scene);
    scene_engine_says(&scene, HELLO);
    assert_true(scene_is(scene_ordered(&scene, "plan"), "prepared", "true"));
    scene_engine_says(&scene, READY);
    scene_ordered(&scene, "teardown");
    scene_engine_leaves(&scene);
    scene_update(&scene, "failed");
    scene_update(&scene, "left");
    assert_true(scene.offers);
    scene_finish(&scene);
}

static void
where_no_engine_can_be_started_the_build_is_told(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_offer(&scene, 60000);
    scene.no_engine = true;
    scene.read = scene.said.count;
    scene_welcome(&scene, 60000);
    scene_update(&scene, "failed");
    assert_true(scene_is(scene_update(&scene, "left"), "ok", "false"));
    assert_true(scene.offers);
    scene_finish(&scene);
}

static json_t *
workspace_welcome(const char *name, const char *setup)
{
    json_t *members = scene_welcome_members(60000);
    json_object_set_new(json_object_get(members, "plan"), "workspace",
                        json_pack("{s:s, s:s?}", "name", name, "setup", setup));
    return members;
}

static void
scripts_of_this_machine_win_over_those_of_a_build(void **state)
{
    (void)state;
    char name[] = "ci";
    char setup[] = "./ours";
    const struct workspace own = {.name = name, .setup = setup};
    struct scene scene = {.loop = loop_new()};
    struct member_params params = scene_params(&scene);

    params.workspaces = &own;
    params.workspace_count = 1;
    params.allow_scripts = true;
    scene_begin(&scene, &params);
    scene_offer(&scene, 60000);
    scene_control(&scene, FLEET_WELCOME, scene.join,
                  workspace_welcome("ci", "./theirs"));
    scene_engine_says(&scene, HELLO);
    const json_t *workspace =
        json_object_get(scene_ordered(&scene, "plan"), "workspace");
    assert_true(scene_is(workspace, "setup", "\"./ours\""));
    scene_finish(&scene);
}

static void
scripts_of_a_build_run_only_where_that_is_allowed(void **state)
{
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        struct scene scene = {.loop = loop_new()};
        struct member_params params = scene_params(&scene);
        params.allow_scripts = allowed != 0;
        scene_begin(&scene, &params);
        scene_offer(&scene, 60000);
        scene.read = scene.said.count;
        scene_control(&scene, FLEET_WELCOME, scene.join,
                      workspace_welcome("ci", "./theirs"));
        if (allowed) {
            scene_engine_says(&scene, HELLO);
            const json_t *workspace =
                json_object_get(scene_ordered(&scene, "plan"), "workspace");
            assert_true(scene_is(workspace, "setup", "\"./theirs\""));
        } else {
            assert_int_equal(scene.engines.count, 0);
            scene_update(&scene, "failed");
            scene_update(&scene, "left");
            assert_true(scene.offers);
        }
        scene_finish(&scene);
    }
}

static void
a_teardown_that_is_repeated_is_answered_again(void **state)
{
    (void)state;
    struct scene scene = {0};
    char join[ENVELOPE_JOIN_SIZE];

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    memcpy(join, scene.join, sizeof(join));
    scene_control(&scene, FLEET_TEARDOWN, join, json_object());
    scene_control(&scene, FLEET_TEARDOWN, join, json_object());
    scene_ordered(&scene, "teardown");
    scene_ordered_nothing(&scene);
    scene_engine_leaves(&scene);
    size_t said = scene.said.count;
    scene_control(&scene, FLEET_TEARDOWN, join, json_object());
    assert_true(scene.said.count > said);
    json_t *u = json_object_get(ARRAY_LAST(&scene.said), "u");
    assert_true(
        scene_is(json_array_get(u, json_array_size(u) - 1), "k", "\"left\""));
    scene_ordered_nothing(&scene); // done once
    assert_int_equal(scene.engines.count, 1);
    scene_finish(&scene);
}

static void
a_cancel_goes_to_the_engine_with_what_is_here(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_run(&scene, 1, 1, false);
    scene_run(&scene, 2, 1, false);
    scene_ordered(&scene, "run");
    scene_ordered(&scene, "run");
    scene_control(
        &scene, FLEET_CANCEL, NULL,
        json_pack("{s:[[i,i],[i,i]], s:b}", "orders", 2, 1, 9, 1, "now", 1));
    const json_t *cancel = scene_ordered(&scene, "cancel");
    assert_true(scene_is(cancel, "orders", "[[2,1]]"));
    assert_true(scene_is(cancel, "now", "true"));
    scene_control(&scene, FLEET_CANCEL, NULL, json_object());
    cancel = scene_ordered(&scene, "cancel");
    assert_true(scene_is(cancel, "orders", "[[1,1],[2,1]]"));
    scene_finish(&scene);
}

static void
all_it_has_is_said_when_asked(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_run(&scene, 1, 1, false);
    scene_run(&scene, 2, 3, false);
    scene_control(&scene, FLEET_STATE, scene.join,
                  json_pack("{s:i}", "ask", 7));
    scene_update(&scene, "took");
    scene_update(&scene, "took");
    const json_t *holds = scene_update(&scene, "holds");
    assert_true(scene_is(holds, "ask", "7"));
    assert_true(scene_is(holds, "os", "[[1,1],[2,3]]"));
    scene_finish(&scene);
}

static void
whoever_asks_is_told_what_runs(void **state)
{
    (void)state;
    struct scene scene = {0};
    struct sealed nothing = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_run(&scene, 1, 1, false);
    scene_engine_says(&scene, UPDATES(BEGINS(1)));
    member_carrier_events.on_control(scene.member, FLEET_STATUS, &nothing, 9);
    const json_t *facts = json_object_get(ARRAY_LAST(&scene.replies), "ok");
    assert_true(scene_is(facts, "role", "\"worker\""));
    assert_true(scene_is(facts, "state", "\"serving\""));
    assert_true(scene_is(facts, "build", "\"b 1\""));
    assert_true(scene_is(facts, "held", "1"));
    const json_t *job = json_array_get(json_object_get(facts, "running"), 0);
    assert_true(scene_is(job, "job", "\"some.Job\""));
    assert_true(scene_is(job, "slot", "4"));
    scene_finish(&scene);
}

static void
a_warm_stop_lets_end_what_runs_and_then_tears_down(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_run(&scene, 1, 1, false);
    scene_run(&scene, 2, 1, false);
    scene_ordered(&scene, "run");
    scene_ordered(&scene, "run");
    scene_engine_says(&scene, UPDATES(BEGINS(1)));
    member_carrier_events.on_stop(scene.member, STOP_WARM);
    assert_true(scene_is(scene_ordered(&scene, "pool"), "slots", "0"));
    scene_run(&scene, 3, 1, false);
    assert_int_equal(ARRAY_LAST(&scene.ends).how, TASK_RETURNED);
    scene_engine_says(&scene, "{\"msg\":\"pool\",\"slots\":0,\"open\":1}");
    scene_ordered_nothing(&scene);
    scene_engine_says(&scene, UPDATES(ENDS(1)));
    scene_ordered(&scene, "teardown");
    assert_false(scene.stopped);
    scene_engine_leaves(&scene);
    assert_true(scene.stopped);
    assert_false(scene.offers);
    scene_finish(&scene);
}

static void
a_cold_stop_ends_what_runs_and_tears_down(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_run(&scene, 1, 1, false);
    scene_ordered(&scene, "run");
    member_carrier_events.on_stop(scene.member, STOP_WARM);
    scene_ordered(&scene, "pool");
    member_carrier_events.on_stop(scene.member, STOP_COLD);
    assert_true(scene_is(scene_ordered(&scene, "teardown"), "now", "true"));
    scene_engine_leaves(&scene);
    assert_true(scene.stopped);
    scene_finish(&scene);
}

static void
a_soft_stop_waits_for_a_while_only(void **state)
{
    (void)state;
    struct scene scene = {.loop = loop_new()};
    struct member_params params = scene_params(&scene);

    params.soft_ms = 20;
    scene_begin(&scene, &params);
    scene_serve(&scene);
    scene_run(&scene, 1, 1, false);
    scene_ordered(&scene, "run");
    member_carrier_events.on_stop(scene.member, STOP_SOFT);
    scene_ordered(&scene, "pool");
    scene_wait(&scene, is_torn_down);
    assert_true(scene_is(scene_ordered(&scene, "teardown"), "now", "true"));
    scene_finish(&scene);
}

static void
a_free_member_stops_at_once(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    member_carrier_events.on_stop(scene.member, STOP_WARM);
    assert_true(scene.stopped);
    assert_false(scene.offers);
    scene_finish(&scene);
}

static void
a_member_for_one_build_stops_after_it(void **state)
{
    (void)state;
    struct scene scene = {.loop = loop_new()};
    struct member_params params = scene_params(&scene);

    params.once = true;
    scene_begin(&scene, &params);
    scene_serve(&scene);
    scene_control(&scene, FLEET_TEARDOWN, scene.join, json_object());
    scene_engine_leaves(&scene);
    assert_true(scene.stopped);
    assert_false(scene.offers);
    scene_finish(&scene);
}

static void
the_last_word_waits_until_the_broker_knows_that_it_left(void **state)
{
    (void)state;
    struct scene scene = {.holds_leave = true};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    scene_control(&scene, FLEET_TEARDOWN, scene.join, json_object());
    scene_engine_leaves(&scene);
    assert_false(scene.offers);
    scene.leave_done(scene.leave_ctx, NULL);
    assert_true(scene.offers);
    scene_update(&scene, "left");
    scene_finish(&scene);
}

static void
what_a_killed_worker_left_is_torn_down_before_anything_is_taken(void **state)
{
    (void)state;
    struct scene before = {0};
    struct scene scene = {0};

    scene_begin(&before, NULL);
    scene_serve(&before);
    scene_finish(&before); // as if it was killed
    assert_int_equal(count_files("state/joins"), 1);
    assert_true(has_marker());

    scene_begin(&scene, NULL);
    assert_false(scene.offers);
    scene_engine_says(&scene, HELLO);
    const json_t *plan = scene_ordered(&scene, "plan");
    assert_true(scene_is(plan, "prepared", "true"));
    assert_true(scene_is(plan, "build", "\"b 1\""));
    scene_engine_says(&scene, READY);
    scene_ordered(&scene, "teardown");
    scene_engine_leaves(&scene);
    assert_int_equal(count_files("state/joins"), 0);
    assert_true(scene.offers);
    assert_int_equal(scene.said.count, 0); // nobody waits for a word
    scene_finish(&scene);
}

static bool
has_engine(struct scene *scene)
{
    return scene->engines.count > 0;
}

static bool
has_offers(struct scene *scene)
{
    return scene->offers;
}

static void
what_one_that_is_still_dying_left_is_waited_for(void **state)
{
    (void)state;
    struct scene before = {0};
    struct scene scene = {0};

    scene_begin(&before, NULL);
    scene_serve(&before);
    scene_begin(&scene, NULL);
    assert_false(scene.offers);
    assert_false(has_engine(&scene));
    scene_finish(&before);
    scene_wait(&scene, has_engine);
    scene_engine_says(&scene, HELLO);
    scene_engine_says(&scene, READY);
    scene_engine_leaves(&scene);
    assert_int_equal(count_files("state/joins"), 0);
    assert_true(scene.offers);
    scene_finish(&scene);
}

static void
one_of_the_same_name_that_lives_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct scene before = {0};
    struct scene scene = {0};

    scene_begin(&before, NULL);
    scene_serve(&before);
    scene_begin(&scene, NULL);
    scene_wait(&scene, has_offers);
    assert_int_equal(count_files("state/joins"), 1);
    scene_finish(&before);
    scene_finish(&scene);
}

static void
a_marker_that_makes_no_sense_is_removed(void **state)
{
    (void)state;
    struct scene scene = {0};
    struct err err = {0};
    json_t *about = json_pack("{s:s}", "build", "b");

    marker_free(marker_write("state/joins", "one@host", "0123456789abcdef",
                             about, &err));
    json_decref(about);
    assert_int_equal(count_files("state/joins"), 1);
    scene_begin(&scene, NULL);
    assert_true(scene.offers);
    assert_int_equal(count_files("state/joins"), 0);
    scene_finish(&scene);
}

static void
pieces_of_a_shipped_tree_go_to_the_engine(void **state)
{
    (void)state;
    struct scene scene = {0};
    json_t *members = scene_welcome_members(60000);

    scene_begin(&scene, NULL);
    scene_offer(&scene, 60000);
    json_object_set_new(json_object_get(members, "plan"), "tree",
                        json_pack("{s:s, s:i}", "ship", "00", "bytes", 1));
    scene_control(&scene, FLEET_WELCOME, scene.join, members);
    char *queue = alloc_printf("mule-ship-b=201-%s", scene.join);
    assert_string_equal(scene.pieces, queue);
    free(queue);
    scene_engine_says(&scene, HELLO);
    scene_ordered(&scene, "plan");
    scene_engine_says(&scene, "{\"msg\":\"want\",\"hash\":\"00\",\"at\":0,"
                              "\"bytes\":1}");
    assert_true(scene_is(ARRAY_LAST(&scene.said), "msg", "\"want\""));
    assert_true(scene_is(ARRAY_LAST(&scene.said), "bytes", "1"));
    member_carrier_events.on_piece(scene.member,
                                   SLICE("{\"at\":0,\"data\":\"eA==\"}"));
    assert_true(scene_is(scene_ordered(&scene, "piece"), "data", "\"eA==\""));
    member_carrier_events.on_piece(scene.member, SLICE("no piece"));
    scene_ordered_nothing(&scene);
    scene_finish(&scene);
}

static void
slots_follow_the_pool_but_not_beyond_the_welcome(void **state)
{
    (void)state;
    struct scene scene = {0};

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    member_carrier_events.on_slots(scene.member, 1);
    assert_true(scene_is(scene_ordered(&scene, "pool"), "slots", "1"));
    assert_int_equal(scene.prefetch, 3);
    member_carrier_events.on_slots(scene.member, 8);
    assert_true(scene_is(scene_ordered(&scene, "pool"), "slots", "2"));
    scene_finish(&scene);
}

static void
an_engine_is_not_read_while_too_much_is_not_acknowledged(void **state)
{
    (void)state;
    struct scene scene = {0};
    struct buf line = BUF_INIT((size_t)16 << 20);

    scene_begin(&scene, NULL);
    scene_serve(&scene);
    buf_add_text(&line, "{\"msg\":\"u\",\"u\":[{\"k\":\"said\",\"text\":\"");
    buf_add_repeat(&line, 'x', (size_t)7 << 20);
    buf_add_text(&line, "\"}]}");
    for (int i = 0; i < 10; i++) {
        scene_engine_says(&scene, buf_text(&line));
    }
    assert_true(scene_engine(&scene)->held);
    scene_lease(&scene, 60000, scene.join, 9);
    assert_false(scene_engine(&scene)->held);
    buf_release(&line);
    scene_finish(&scene);
}

#define IN_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
    IN_FOLDER(an_offer_is_answered_and_the_others_are_left),
    IN_FOLDER(a_build_is_served_from_the_welcome_to_the_last_word),
    IN_FOLDER(the_numbers_of_updates_begin_with_one_and_have_no_holes),
    IN_FOLDER(what_is_forged_of_another_build_or_late_changes_nothing),
    IN_FOLDER(a_welcome_of_another_join_or_a_refusal_starts_no_engine),
    IN_FOLDER(an_offer_that_nobody_stands_for_is_dropped),
    IN_FOLDER(an_offer_whose_inbox_is_gone_is_dropped_at_once),
    IN_FOLDER(an_offer_to_a_member_of_a_build_goes_back),
    IN_FOLDER(orders_that_come_to_a_free_member_do_not_go_back),
    IN_FOLDER(a_redelivered_copy_of_what_is_here_is_adopted),
    IN_FOLDER(a_redelivered_copy_of_somebody_elses_is_bounced),
    IN_FOLDER(a_task_ends_with_the_last_of_its_orders),
    IN_FOLDER(a_task_with_results_says_what_people_ask_for),
    IN_FOLDER(updates_are_kept_until_they_are_acknowledged),
    IN_FOLDER(a_member_whose_lease_is_over_tears_down_and_cleans_the_broker),
    IN_FOLDER(whoever_was_cut_off_itself_is_not_sure_that_a_build_is_dead),
    IN_FOLDER(last_words_that_nobody_takes_do_not_stay),
    IN_FOLDER(last_words_that_were_taken_need_no_cleaning),
    IN_FOLDER(between_leases_it_says_that_it_is_there),
    IN_FOLDER(what_began_is_lost_with_its_engine_and_the_rest_goes_on),
    IN_FOLDER(a_second_death_ends_the_join_after_its_teardown),
    IN_FOLDER(a_setup_that_fails_is_torn_down_and_said),
    IN_FOLDER(an_engine_that_dies_in_setup_is_followed_by_one_that_tears_down),
    IN_FOLDER(where_no_engine_can_be_started_the_build_is_told),
    IN_FOLDER(scripts_of_this_machine_win_over_those_of_a_build),
    IN_FOLDER(scripts_of_a_build_run_only_where_that_is_allowed),
    IN_FOLDER(a_teardown_that_is_repeated_is_answered_again),
    IN_FOLDER(a_cancel_goes_to_the_engine_with_what_is_here),
    IN_FOLDER(all_it_has_is_said_when_asked),
    IN_FOLDER(whoever_asks_is_told_what_runs),
    IN_FOLDER(a_warm_stop_lets_end_what_runs_and_then_tears_down),
    IN_FOLDER(a_cold_stop_ends_what_runs_and_tears_down),
    IN_FOLDER(a_soft_stop_waits_for_a_while_only),
    IN_FOLDER(a_free_member_stops_at_once),
    IN_FOLDER(a_member_for_one_build_stops_after_it),
    IN_FOLDER(the_last_word_waits_until_the_broker_knows_that_it_left),
    IN_FOLDER(what_a_killed_worker_left_is_torn_down_before_anything_is_taken),
    IN_FOLDER(what_one_that_is_still_dying_left_is_waited_for),
    IN_FOLDER(one_of_the_same_name_that_lives_is_not_waited_for_for_ever),
    IN_FOLDER(a_marker_that_makes_no_sense_is_removed),
    IN_FOLDER(pieces_of_a_shipped_tree_go_to_the_engine),
    IN_FOLDER(slots_follow_the_pool_but_not_beyond_the_welcome),
    IN_FOLDER(an_engine_is_not_read_while_too_much_is_not_acknowledged),
};

CHECK_MAIN(tests)
