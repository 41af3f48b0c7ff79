/*
 * Both halves of getting sources to a worker on one stage: a shipment whose
 * pieces go straight to trees, in which a test can lose or change them.
 */
#ifndef TESTS_UNIT_TREE_SCENE_H
#define TESTS_UNIT_TREE_SCENE_H

#include "stage.h"

#include "folder.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "fleet/handout.h"
#include "fleet/shipment.h"
#include "fleet/storehouse.h"
#include "fleet/tree.h"
#include "transport/base64.h"
#include "util/array.h"
#include "util/field.h"
#include "util/json_text.h"
#include "util/sha256.h"

struct scene;

/* One tree, and what it said. */
struct actor {
    struct scene *scene;
    struct tree *tree;
    char name[8]; // of the node, and of the join
    struct buf said;
    struct err err;
    char *path;
    char *revision;
    int wants;      // that asked for something
    uint64_t first; // where the first one began
    bool over;
    bool removed;
};

enum {
    ACTORS = 8
};

struct scene {
    struct stage stage;
    struct guardians *guardians;
    struct shipment *shipment;
    struct buf said; // by the shipment
    struct err err;  // why the shipment failed
    bool shipped;    // or it failed
    struct actor actors[ACTORS];
    int actor_count;
    int waiting; // for so many to be over
    char *home;
    // What a test does to pieces, or NULL: gives false to lose it.
    bool (*on_piece)(struct scene *scene, uint64_t at, struct slice *data);
    int pieces;
    int number;            // for on_piece
    struct buf archive;    // served without a shipment
    uint64_t sent[ACTORS]; // bytes to each join
};

static inline void
scene_died(void *ctx, const struct err *err)
{
    (void)ctx;
    fail_msg("%s", err->text);
}

static inline void
scene_init(struct scene *scene)
{
    static const struct guardians_events events = {.on_died = scene_died};
    static const char *const environment[] = {
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_AUTHOR_NAME=A",
        "GIT_AUTHOR_EMAIL=a@example.org",
        "GIT_COMMITTER_NAME=A",
        "GIT_COMMITTER_EMAIL=a@example.org",
        NULL};
    struct err err = {0};

    *scene = (struct scene){0};
    stage_init(&scene->stage);
    scene->guardians =
        guardians_new(scene->stage.loop, &(struct guardians_params){.count = 1},
                      &events, scene, &err);
    assert_non_null(scene->guardians);
    guardians_environment(scene->guardians, environment);
    scene->said.max = scene->archive.max = (size_t)64 << 20;
    scene->home = path_absolute("home", &err);
    for (int i = 0; i < ACTORS; i++) {
        scene->actors[i].scene = scene;
        scene->actors[i].said.max = (size_t)1 << 20;
        snprintf(scene->actors[i].name, sizeof(scene->actors[i].name), "j%d",
                 i);
    }
}

static inline void
scene_release(struct scene *scene)
{
    for (int i = 0; i < scene->actor_count; i++) {
        struct actor *actor = &scene->actors[i];
        tree_free(actor->tree);
        buf_release(&actor->said);
        free(actor->path);
        free(actor->revision);
    }
    shipment_free(scene->shipment);
    guardians_stop(scene->guardians, stage_stop, &scene->stage);
    stage_run(&scene->stage);
    guardians_free(scene->guardians);
    buf_release(&scene->said);
    buf_release(&scene->archive);
    free(scene->home);
    stage_release(&scene->stage);
}

/* Runs a shell command in the folder of the test. */
static inline void
shell(const char *command)
{
    char *const environment[] = {(char[]){"PATH=/usr/local/bin:/usr/bin:/bin"},
                                 (char[]){"GIT_CONFIG_NOSYSTEM=1"},
                                 (char[]){"GIT_CONFIG_GLOBAL=/dev/null"},
                                 (char[]){"GIT_AUTHOR_NAME=A"},
                                 (char[]){"GIT_AUTHOR_EMAIL=a@example.org"},
                                 (char[]){"GIT_COMMITTER_NAME=A"},
                                 (char[]){"GIT_COMMITTER_EMAIL=a@example.org"},
                                 NULL};
    char *text = alloc_printf("set -e; %s", command);
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, text, NULL};
    pid_t pid = 0;
    int status = 0;

    assert_int_equal(
        posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environment), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0) {
        fail_msg("%s: status %d", command, status);
    }
    free(text);
}

/* What a file below the tree holds must be this. */
static inline void
expect_file(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name);
    char found[1000] = {0};
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        fail_msg("%s is missing", path);
    }
    size_t len = fread(found, 1, sizeof(found) - 1, file);
    found[len] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(found, text);
    free(path);
}

static inline bool
is_there(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    struct stat status;
    bool there = lstat(path, &status) == 0;

    free(path);
    return there;
}

static inline void
expect_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, part);
    }
}

// --------------------------------------------------------------- shipment

static inline void
shipment_said(void *ctx, const char *text)
{
    struct scene *scene = ctx;

    buf_addf(&scene->said, "%s\n", text);
}

static inline void
shipment_is_ready(void *ctx)
{
    struct scene *scene = ctx;

    scene->shipped = true;
    loop_stop(scene->stage.loop);
}

static inline void
shipment_has_failed(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    assert_true(err_is_set(err));
    scene->err = *err;
    shipment_is_ready(scene);
}

static inline void
give_piece(struct scene *scene, const char *join, uint64_t at,
           struct slice data)
{
    int index = join[1] - '0';

    scene->pieces++;
    scene->sent[index] += data.len / 4 * 3;
    if (scene->on_piece != NULL && !scene->on_piece(scene, at, &data)) {
        return;
    }
    if (scene->actors[index].tree != NULL && !scene->actors[index].over) {
        tree_piece(scene->actors[index].tree, at, data);
    }
}

static inline void
shipment_gives(void *ctx, const char *join, struct slice body)
{
    struct err err = {0};
    struct slice data;
    int64_t at = 0;
    json_t *piece = json_text_parse(body, &err);

    assert_non_null(piece);
    assert_true(field_text(piece, "data", &data, &err));
    assert_true(
        field_int(piece, "at", (struct field_range){0, INT64_MAX}, &at, &err));
    give_piece(ctx, join, (uint64_t)at, data);
    json_decref(piece);
}

static const struct shipment_events shipment_events = {
    .on_said = shipment_said,
    .on_ready = shipment_is_ready,
    .on_failed = shipment_has_failed,
    .on_piece = shipment_gives,
};

static inline void
scene_offer(struct scene *scene, struct shipment_params params)
{
    params.loop = scene->stage.loop;
    params.guardians = scene->guardians;
    params.scratch = ".";
    if (params.limit == 0) {
        params.limit = UINT64_C(200) << 20;
    }
    shipment_free(scene->shipment);
    scene->shipped = false;
    scene->err = (struct err){0};
    scene->shipment = shipment_new(&params, &shipment_events, scene);
    shipment_start(scene->shipment);
    assert_false(scene->shipped);
    stage_run(&scene->stage);
    assert_true(scene->shipped);
}

static inline void
scene_ship(struct scene *scene, const char *folder)
{
    scene_offer(scene,
                (struct shipment_params){.folder = folder, .ship = true});
    if (err_is_set(&scene->err)) {
        fail_msg("%s", scene->err.text);
    }
}

// -------------------------------------------------------------------- tree

static inline void
tree_said(void *ctx, struct slice text)
{
    struct actor *actor = ctx;

    buf_add_slice(&actor->said, text);
    buf_add_char(&actor->said, '\n');
}

static inline void
serve_archive(struct scene *scene, const struct actor *actor,
              const struct tree_want *want)
{
    struct buf text = BUF_INIT((size_t)4 << 20);
    struct slice bytes =
        slice_first(slice_skip(buf_slice(&scene->archive), want->at),
                    want->bytes < HANDOUT_PIECE ? want->bytes : HANDOUT_PIECE);

    assert_true(base64_encode(&text, bytes));
    if (bytes.len > 0) {
        give_piece(scene, actor->name, want->at, buf_slice(&text));
    }
    buf_release(&text);
}

struct later {
    struct actor *actor;
    struct tree_want want;
};

static inline void
serve_later(void *ctx)
{
    struct later *later = ctx;

    if (!later->actor->over) {
        serve_archive(later->actor->scene, later->actor, &later->want);
    }
    free(later);
}

static inline void
tree_wants(void *ctx, const struct tree_want *want)
{
    struct actor *actor = ctx;
    struct scene *scene = actor->scene;
    struct err err = {0};

    if (want->bytes > 0 && actor->wants++ == 0) {
        actor->first = want->at;
    }
    if (scene->shipment == NULL) {
        struct later *later = ALLOC(struct later);
        *later = (struct later){actor, *want};
        loop_post(scene->stage.loop, serve_later, later);
        return;
    }
    json_t *message = json_pack("{s:s, s:I, s:I, s:b}", "hash", want->hash,
                                "at", (json_int_t)want->at, "bytes",
                                (json_int_t)want->bytes, "again", want->again);
    if (!shipment_want(scene->shipment, actor->name, message, &err)) {
        fail_msg("%s", err.text);
    }
    json_decref(message);
}

static inline void
tree_is_over(struct actor *actor)
{
    assert_false(actor->over);
    actor->over = true;
    if (--actor->scene->waiting == 0) {
        loop_stop(actor->scene->stage.loop);
    }
}

static inline void
tree_is_ready(void *ctx, const char *path, const char *revision)
{
    struct actor *actor = ctx;

    actor->path = alloc_dup_or_null(path);
    actor->revision = alloc_dup(revision);
    tree_is_over(actor);
}

static inline void
tree_has_failed(void *ctx, const struct err *err)
{
    struct actor *actor = ctx;

    assert_true(err_is_set(err));
    actor->err = *err;
    tree_is_over(actor);
}

static const struct tree_events tree_events = {
    .on_said = tree_said,
    .on_want = tree_wants,
    .on_ready = tree_is_ready,
    .on_failed = tree_has_failed,
};

/* Begins another tree; scene_wait waits for all that were begun. */
static inline struct actor *
scene_begin(struct scene *scene, const json_t *origin)
{
    struct actor *actor = &scene->actors[scene->actor_count++];
    struct err err = {0};
    struct tree_params params = {
        .loop = scene->stage.loop,
        .guardians = scene->guardians,
        .origin = origin,
        .home = scene->home,
        .build = "build 1",
        .node = actor->name,
    };

    actor->tree = tree_new(&params, &tree_events, actor, &err);
    if (actor->tree == NULL) {
        fail_msg("%s", err.text);
    }
    scene->waiting++;
    tree_start(actor->tree);
    return actor;
}

static inline void
scene_wait(struct scene *scene)
{
    stage_run(&scene->stage);
    assert_int_equal(scene->waiting, 0);
}

static inline void
expect_ready(const struct actor *actor)
{
    if (err_is_set(&actor->err)) {
        fail_msg("%s\n%s", actor->err.text, buf_text(&actor->said));
    }
    assert_true(actor->over);
}

/* A tree that must become ready. */
static inline struct actor *
scene_make(struct scene *scene, const json_t *origin)
{
    struct actor *actor = scene_begin(scene, origin);

    scene_wait(scene);
    expect_ready(actor);
    return actor;
}

/* A tree that must fail, with this in its error. */
static inline struct actor *
scene_fail(struct scene *scene, const json_t *origin, const char *why)
{
    struct actor *actor = scene_begin(scene, origin);

    scene_wait(scene);
    assert_null(actor->path);
    expect_says(actor->err.text, why);
    return actor;
}

static inline void
tree_is_removed(void *ctx, const struct err *err)
{
    struct actor *actor = ctx;

    if (err != NULL) {
        fail_msg("%s", err->text);
    }
    actor->removed = true;
    loop_stop(actor->scene->stage.loop);
}

static inline void
scene_remove(struct scene *scene, struct actor *actor)
{
    tree_remove(actor->tree, tree_is_removed, actor);
    stage_run(&scene->stage);
    assert_true(actor->removed);
}

/* {"ship": ...} of the bytes in scene->archive. */
static inline json_t *
scene_origin(const struct scene *scene)
{
    char hash[SHA256_SIZE];

    sha256_of(buf_slice(&scene->archive), hash);
    return json_pack("{s:s, s:I}", "ship", hash, "bytes",
                     (json_int_t)scene->archive.len);
}

#endif
