#include "fleet/bulletin.h"

#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include "fleet/serving_codec.h"
#include "util/alloc.h"
#include "util/json_text.h"

struct scene {
    struct stage stage;
    struct bulletin *bulletin;
    ARRAY(size_t) lines; // how many updates each had
    size_t longest;
};

static void
on_line(void *ctx, struct slice line)
{
    struct scene *scene = ctx;
    struct err err = {0};

    assert_int_equal(line.data[line.len - 1], '\n');
    json_t *message =
        json_text_parse_object(slice_first(line, line.len - 1), &err);
    if (message == NULL) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(json_string_value(json_object_get(message, "msg")),
                        "u");
    ARRAY_ADD(&scene->lines, json_array_size(json_object_get(message, "u")));
    if (line.len > scene->longest) {
        scene->longest = line.len;
    }
    json_decref(message);
}

static void
scene_init(struct scene *scene)
{
    *scene = (struct scene){0};
    stage_init(&scene->stage);
    scene->bulletin = bulletin_new(scene->stage.loop, on_line, scene);
}

static void
scene_release(struct scene *scene)
{
    bulletin_free(scene->bulletin);
    ARRAY_RELEASE(&scene->lines);
    stage_release(&scene->stage);
}

static void
say(struct scene *scene, struct slice text)
{
    bulletin_add(scene->bulletin,
                 &(struct update){.kind = UPDATE_SAID, .text = text});
}

static void
updates_of_one_turn_share_a_line(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    say(&scene, SLICE("a"));
    say(&scene, SLICE("b"));
    assert_int_equal(scene.lines.count, 0);
    stage_turn(&scene.stage);
    stage_turn(&scene.stage);
    assert_int_equal(scene.lines.count, 1);
    assert_int_equal(scene.lines.items[0], 2);
    scene_release(&scene);
}

static void
what_comes_soon_after_waits_a_little(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    say(&scene, SLICE("a"));
    bulletin_flush(scene.bulletin);
    say(&scene, SLICE("b"));
    say(&scene, SLICE("c"));
    assert_int_equal(scene.lines.count, 1);
    while (scene.lines.count < 2) {
        stage_turn(&scene.stage);
    }
    assert_int_equal(scene.lines.items[1], 2);
    scene_release(&scene);
}

static void
nothing_more_to_come_is_no_reason_to_wait(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    bulletin_hurry(scene.bulletin); // nothing is there
    say(&scene, SLICE("a"));
    bulletin_flush(scene.bulletin);
    say(&scene, SLICE("b"));
    bulletin_hurry(scene.bulletin);
    stage_turn(&scene.stage);
    stage_turn(&scene.stage);
    assert_int_equal(scene.lines.count, 2);
    scene_release(&scene);
}

static void
a_line_has_sixty_four_updates_at_most(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (int i = 0; i < 130; i++) {
        say(&scene, SLICE("a"));
    }
    assert_int_equal(scene.lines.count, 2);
    assert_int_equal(scene.lines.items[0], 64);
    bulletin_flush(scene.bulletin);
    assert_int_equal(scene.lines.items[2], 2);
    scene_release(&scene);
}

static void
long_updates_have_lines_of_their_own(void **state)
{
    size_t len = (size_t)200 << 10;
    char *text = alloc_bytes((size_t)9 << 20);
    struct scene scene;

    (void)state;
    memset(text, 'x', (size_t)9 << 20);
    scene_init(&scene);
    say(&scene, slice_make(text, len));
    say(&scene, slice_make(text, len));
    assert_int_equal(scene.lines.count, 1);
    say(&scene, slice_make(text, (size_t)9 << 20));
    assert_int_equal(scene.lines.count, 3);
    assert_true(scene.longest <= SERVING_LINE_MAX + 1);
    assert_true(scene.longest > UPDATE_MAX / 2);
    scene_release(&scene);
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(updates_of_one_turn_share_a_line),
    cmocka_unit_test(what_comes_soon_after_waits_a_little),
    cmocka_unit_test(nothing_more_to_come_is_no_reason_to_wait),
    cmocka_unit_test(a_line_has_sixty_four_updates_at_most),
    cmocka_unit_test(long_updates_have_lines_of_their_own),
};

CHECK_MAIN(tests)
