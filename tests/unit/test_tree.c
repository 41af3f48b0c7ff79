#include "tree_scene.h"

#include "fleet/tar_codec.h"

// ------------------------------------------------------------------ --ship

static void
make_checkout(void)
{
    shell("mkdir work; cd work; git init -q; mkdir -p a/b; echo one >a/b/x;"
          "echo gone >gone; echo old >changed; echo '#!/bin/sh' >run;"
          "chmod 755 run; ln -s b/x a/link; printf '*.o\\nout/\\n' >.gitignore;"
          "git add .; git commit -qm first; rm gone; echo new >changed;"
          "echo fresh >a/untracked; echo no >a/x.o; mkdir out a/__pycache__;"
          "echo no >a/__pycache__/x.pyc; echo no >out/y;"
          "printf 'odd' >\"$(printf 'o\\nd\\377 d')\"; : >empty");
}

static void
the_working_tree_arrives_as_it_is(void **state)
{
    (void)state;
    struct scene scene;
    struct stat status;

    scene_init(&scene);
    make_checkout();
    scene_ship(&scene, "work");
    expect_says(buf_text(&scene.said), "shipping 8 files");
    struct actor *actor = scene_make(&scene, shipment_tree(scene.shipment));
    expect_file(actor->path, "a/b/x", "one\n");
    expect_file(actor->path, "changed", "new\n");
    expect_file(actor->path, "a/untracked", "fresh\n");
    expect_file(actor->path, "a/link", "one\n");
    expect_file(actor->path, "o\nd\xff d", "odd");
    expect_file(actor->path, "empty", "");
    assert_false(is_there(actor->path, "gone"));
    assert_false(is_there(actor->path, "a/x.o"));
    assert_false(is_there(actor->path, "out"));
    assert_false(is_there(actor->path, "a/__pycache__"));
    assert_false(is_there(actor->path, ".git"));
    char *run = path_join(actor->path, "run");
    assert_int_equal(stat(run, &status), 0);
    assert_true((status.st_mode & 0111) != 0);
    assert_int_equal(strlen(shipment_revision(scene.shipment)), 40);
    scene_remove(&scene, actor);
    assert_false(is_there("home/trees", "build=201"));
    free(run);
    scene_release(&scene);
}

static void
equal_trees_have_equal_hashes(void **state)
{
    (void)state;
    struct scene scene;
    char hash[2][SHA256_SIZE];

    scene_init(&scene);
    make_checkout();
    shell("cp -R work again; cd again; touch -d '2001-01-01' a/b/x; chmod 600 "
          "changed");
    for (int i = 0; i < 2; i++) {
        scene_ship(&scene, i == 0 ? "work" : "again");
        snprintf(hash[i], SHA256_SIZE, "%s",
                 json_string_value(
                     json_object_get(shipment_tree(scene.shipment), "ship")));
    }
    assert_string_equal(hash[0], hash[1]);
    shell("echo more >>again/changed");
    scene_ship(&scene, "again");
    assert_string_not_equal(
        hash[0], json_string_value(
                     json_object_get(shipment_tree(scene.shipment), "ship")));
    scene_release(&scene);
}

static void
repositories_inside_are_shipped_too(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_checkout();
    shell(
        "git init -q lib; cd lib; echo sub >file; echo no >x.o; git add file;"
        "git commit -qm s; cd ../work; git init -q nested;"
        "echo nest >nested/file;"
        "git -c protocol.file.allow=always submodule add -q ../lib lib;"
        "echo changed >lib/file; echo '*.o' >>lib/.gitignore; echo no >lib/x.o;"
        "mkdir hollow; git add nested 2>/dev/null || true");
    scene_ship(&scene, "work");
    struct actor *actor = scene_make(&scene, shipment_tree(scene.shipment));
    expect_file(actor->path, "lib/file", "changed\n");
    expect_file(actor->path, "nested/file", "nest\n");
    assert_false(is_there(actor->path, "lib/x.o"));
    assert_false(is_there(actor->path, "lib/.git"));
    assert_false(is_there(actor->path, "nested/.git"));
    scene_release(&scene);
}

static void
work_goes_on_in_the_folder_where_it_was_begun(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_checkout();
    scene_ship(&scene, "work/a");
    struct actor *actor = scene_make(&scene, shipment_tree(scene.shipment));
    expect_file(actor->path, "b/x", "one\n");
    expect_file(actor->path, "../changed", "new\n");
    scene_release(&scene);
}

static void
expect_refused(struct scene *scene, struct shipment_params params,
               const char *why, const char *hint)
{
    scene_offer(scene, params);
    assert_true(err_is_set(&scene->err));
    expect_says(scene->err.text, why);
    assert_non_null(scene->err.hint);
    expect_says(scene->err.hint, hint);
}

static void
a_tree_that_is_too_big_is_refused_with_another_way(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_checkout();
    shell("head -c 1000000 /dev/zero >work/a/big");
    expect_refused(&scene,
                   (struct shipment_params){
                       .folder = "work", .ship = true, .limit = 500000},
                   "a/big", "git:");
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    scene_offer(&scene, (struct shipment_params){
                            .folder = "work", .ship = true, .limit = 1100000});
    assert_false(err_is_set(&scene.err));
    scene_release(&scene);
}

static void
what_is_no_checkout_cannot_be_shipped(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    shell("mkdir plain; echo x >plain/x; git init -q --bare bare;"
          "git init -q void");
    expect_refused(&scene,
                   (struct shipment_params){.folder = "plain", .ship = true},
                   "is no git checkout", "git init");
    expect_refused(&scene,
                   (struct shipment_params){.folder = "bare", .ship = true},
                   "is no git checkout", "git init");
    scene_offer(&scene,
                (struct shipment_params){.folder = "void", .ship = true});
    expect_says(scene.err.text, "has no file");
    scene_release(&scene);
}

static void
a_link_out_of_the_tree_is_not_shipped(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_checkout();
    shell("ln -s /etc/passwd work/a/users");
    expect_refused(&scene,
                   (struct shipment_params){.folder = "work", .ship = true},
                   "\"a/users\" is a link that leads out", ".gitignore");
    scene_release(&scene);
}

// Changes a file in every turn of the loop, `number` times.
static void
change_again(void *ctx)
{
    struct scene *scene = ctx;
    FILE *file = fopen("work/changed", "a");

    assert_non_null(file);
    fputs("more\n", file);
    assert_int_equal(fclose(file), 0);
    if (!scene->shipped && --scene->number > 0) {
        loop_post(scene->stage.loop, change_again, scene);
    }
}

static void
files_that_change_while_they_are_packed_are_noticed(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_checkout();
    scene.number = 1000000;
    loop_post(scene.stage.loop, change_again, &scene);
    expect_refused(&scene,
                   (struct shipment_params){.folder = "work", .ship = true},
                   "changed keeps changing", ".gitignore");
    stage_turn(&scene.stage);
    scene_release(&scene);
}

// ------------------------------------------------------------------ pieces

static void
make_big_checkout(void)
{
    shell("mkdir big; cd big; git init -q;"
          "head -c 3000000 /dev/urandom >data; echo x >x");
}

static bool
lose_the_third(struct scene *scene, uint64_t at, struct slice *data)
{
    (void)at;
    (void)data;
    return scene->pieces != 3;
}

static bool
damage_the_third(struct scene *scene, uint64_t at, struct slice *data)
{
    (void)at;
    if (scene->pieces == 3) {
        data->len -= 3; // no base64 any more
    }
    return true;
}

static bool
give_each_twice(struct scene *scene, uint64_t at, struct slice *data)
{
    tree_piece(scene->actors[0].tree, at, *data);
    return true;
}

static void
pieces_that_are_lost_damaged_or_doubled_do_no_harm(void **state)
{
    (void)state;
    bool (*const ways[])(struct scene *, uint64_t, struct slice *) = {
        lose_the_third, damage_the_third, give_each_twice};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct scene scene;
        scene_init(&scene);
        shell("rm -rf big home");
        make_big_checkout();
        scene_ship(&scene, "big");
        scene.on_piece = ways[i];
        struct actor *actor = scene_make(&scene, shipment_tree(scene.shipment));
        shell("cmp big/data home/trees/build=201/j0/data");
        expect_file(actor->path, "x", "x\n");
        scene_release(&scene);
    }
}

static void
a_host_pulls_an_archive_once(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_big_checkout();
    scene_ship(&scene, "big");
    const json_t *origin = shipment_tree(scene.shipment);
    struct actor *actors[4];
    for (int i = 0; i < 3; i++) {
        actors[i] = scene_begin(&scene, origin);
    }
    scene_wait(&scene);
    actors[3] = scene_make(&scene, origin);
    int pulled = 0;
    for (int i = 0; i < 4; i++) {
        expect_ready(actors[i]);
        expect_file(actors[i]->path, "x", "x\n");
        pulled += actors[i]->wants > 0;
    }
    assert_int_equal(pulled, 1);
    assert_int_equal(actors[3]->wants, 0);
    expect_says(buf_text(&actors[3]->said), "is here already");
    scene_release(&scene);
}

static const char *
hash_of(const json_t *origin)
{
    return json_string_value(json_object_get(origin, "ship"));
}

static void
half_an_archive_is_gone_on_with(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_big_checkout();
    scene_ship(&scene, "big");
    const json_t *origin = shipment_tree(scene.shipment);
    struct actor *actor = scene_make(&scene, origin);
    char *command =
        alloc_printf("cd home/ships; head -c 1000000 %s >%s.part; rm %s",
                     hash_of(origin), hash_of(origin), hash_of(origin));
    shell(command);
    struct actor *second = scene_make(&scene, origin);
    assert_int_equal(actor->first, 0);
    assert_int_equal(second->first, 1000000);
    expect_says(buf_text(&second->said), "of which 976.6 KiB are here");
    free(command);
    scene_release(&scene);
}

static void
what_was_damaged_in_the_store_is_pulled_again(void **state)
{
    (void)state;
    static const char *const damage[] = {
        "cd home/ships; printf X | dd of=$(ls) bs=1 seek=99 conv=notrunc"
        " 2>/dev/null",
        "cd home/ships; f=$(ls); (printf X; tail -c +2 $f) >$f.part; rm $f",
    };

    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        scene_init(&scene);
        shell("rm -rf home big");
        make_big_checkout();
        scene_ship(&scene, "big");
        const json_t *origin = shipment_tree(scene.shipment);
        scene_make(&scene, origin);
        shell(damage[i]);
        struct actor *second = scene_make(&scene, origin);
        assert_int_equal(second->first, 0);
        expect_says(buf_text(&second->said), "damaged");
        expect_file(second->path, "x", "x\n");
        scene_release(&scene);
    }
}

static void
wanted(struct scene *scene, int join, uint64_t at, uint64_t bytes)
{
    struct err err = {0};
    json_t *want = json_pack("{s:s, s:I, s:I}", "hash",
                             hash_of(shipment_tree(scene->shipment)), "at",
                             (json_int_t)at, "bytes", (json_int_t)bytes);

    assert_true(
        shipment_want(scene->shipment, scene->actors[join].name, want, &err));
    json_decref(want);
}

static void
turns(struct scene *scene, int count)
{
    for (int i = 0; i < count; i++) {
        stage_turn(&scene->stage);
    }
}

static void
four_mebibytes_are_on_their_way_at_most(void **state)
{
    (void)state;
    struct scene scene;
    uint64_t sum = 0;

    scene_init(&scene);
    make_big_checkout();
    scene_ship(&scene, "big");
    for (int i = 0; i < 6; i++) {
        wanted(&scene, i, 0, HANDOUT_WINDOW);
    }
    turns(&scene, 100);
    for (int i = 0; i < 6; i++) {
        sum += scene.sent[i];
        // One after another: nobody has it all while somebody has nothing.
        assert_true(scene.sent[i] >= 2UL * HANDOUT_PIECE);
    }
    assert_true(sum <= HANDOUT_ON_WAY + 100);
    // One has got what was sent, one is gone: others get what they left.
    wanted(&scene, 0, scene.sent[0] / HANDOUT_PIECE * HANDOUT_PIECE, 0);
    shipment_forget(scene.shipment, "j1");
    turns(&scene, 100);
    for (int i = 2; i < 6; i++) {
        assert_true(scene.sent[i] + 4 >= HANDOUT_WINDOW);
    }
    scene_release(&scene);
}

static void
what_is_asked_for_must_make_sense(void **state)
{
    (void)state;
    struct scene scene;
    static const char *const wrong[] = {
        "{}",
        "{\"hash\": \"no\", \"at\": 0, \"bytes\": 1}",
        "{\"hash\": \"%s\", \"at\": -1, \"bytes\": 1}",
        "{\"hash\": \"%s\", \"at\": 99999999999, \"bytes\": 1}",
        "{\"hash\": \"%s\", \"at\": 0, \"bytes\": 2000000}",
        "{\"hash\": \"%s\", \"at\": 0}",
        "{\"hash\": \"%s\", \"at\": 0, \"bytes\": 1, \"again\": 1}",
    };

    scene_init(&scene);
    make_checkout();
    scene_ship(&scene, "work");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        struct buf text = BUF_INIT(1000);
        struct slice rest = slice_of(wrong[i]);
        size_t at = slice_find_part(rest, SLICE("%s"));
        buf_add_slice(&text, slice_first(rest, at));
        if (at < rest.len) {
            buf_add_text(&text, hash_of(shipment_tree(scene.shipment)));
            buf_add_slice(&text, slice_skip(rest, at + 2));
        }
        json_t *want = json_text_parse(buf_slice(&text), &err);
        assert_non_null(want);
        assert_false(shipment_want(scene.shipment, "j0", want, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        json_decref(want);
        buf_release(&text);
    }
    turns(&scene, 3);
    assert_int_equal(scene.pieces, 0);
    scene_release(&scene);
}

// ---------------------------------------------------------------- archives

static void
add_file(struct scene *scene, const char *name, const char *text)
{
    struct tar_entry entry = {.kind = TAR_FILE,
                              .mode = 0644,
                              .size = strlen(text),
                              .name = slice_of(name)};

    assert_true(tar_write(&scene->archive, &entry));
    buf_add_text(&scene->archive, text);
    buf_add_repeat(&scene->archive, '\0', tar_padding(entry.size));
}

static void
add_link(struct scene *scene, const char *name, const char *target)
{
    struct tar_entry entry = {.kind = TAR_LINK,
                              .mode = 0777,
                              .name = slice_of(name),
                              .target = slice_of(target)};

    assert_true(tar_write(&scene->archive, &entry));
}

static void
an_archive_with_one_bad_entry_is_not_unpacked_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *target;
        const char *why;
    } bad[] = {
        {"/tmp/x", NULL, "\"/tmp/x\" is an absolute path"},
        {"a/../../x", NULL, "\"a/../../x\" leads out"},
        {"first/../x", NULL, "leads out"},
        {"link", "/etc", "\"link\" is a link that leads out"},
        {"a/link", "../../b", "leads out"},
        {"first", NULL, "\"first\" is there twice"},
        {".git/config", NULL, "belongs to git"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct scene scene;
        scene_init(&scene);
        add_file(&scene, "first", "x");
        if (bad[i].target != NULL) {
            add_link(&scene, bad[i].name, bad[i].target);
        } else {
            add_file(&scene, bad[i].name, "y");
        }
        add_file(&scene, "last", "z");
        tar_write_end(&scene.archive);
        json_t *origin = scene_origin(&scene);
        scene_fail(&scene, origin, bad[i].why);
        assert_false(is_there("home/trees/build=201", "j0"));
        json_decref(origin);
        scene_release(&scene);
    }
}

static void
an_archive_that_is_cut_off_or_none_is_refused(void **state)
{
    (void)state;
    static const size_t cuts[] = {1, 511, 512, 513, 1024, 1500};

    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct scene scene;
        scene_init(&scene);
        add_file(&scene, "first", "x");
        add_file(&scene, "last", "z");
        buf_cut(&scene.archive, cuts[i]);
        json_t *origin = scene_origin(&scene);
        scene_fail(&scene, origin, "archive: ");
        assert_false(is_there("home/trees/build=201", "j0"));
        json_decref(origin);
        scene_release(&scene);
    }
    struct scene scene;
    scene_init(&scene);
    buf_add_repeat(&scene.archive, 'x', 5000);
    json_t *origin = scene_origin(&scene);
    scene_fail(&scene, origin, "this is no ustar");
    json_decref(origin);
    scene_release(&scene);
}

static void
an_archive_with_another_hash_is_refused(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    add_file(&scene, "first", "x");
    tar_write_end(&scene.archive);
    json_t *origin = scene_origin(&scene);
    scene.archive.data[600] = 'y';
    scene_fail(&scene, origin, "has not the hash");
    assert_false(is_there("home/trees/build=201", "j0"));
    assert_false(is_there("home/ships", hash_of(origin)));
    json_decref(origin);
    scene_release(&scene);
}

static void
origins_that_make_no_sense_are_refused(void **state)
{
    (void)state;
#define A_HASH \
    "0123456789012345678901234567890123456789012345678901234567890123"
    static const char *const wrong[] = {
        "{\"ship\": \"x\", \"bytes\": 1}",
        "{\"ship\": 1, \"bytes\": 1}",
        "{\"ship\": \"" A_HASH "\", \"bytes\": 0}",
        "{\"ship\": \"" A_HASH "\", \"bytes\": 5000000000}",
        "{\"ship\": \"" A_HASH "\", \"bytes\": 1, \"folder\": \"../x\"}",
        "{\"ship\": \"" A_HASH "\", \"bytes\": 1, \"folder\": \"/x\"}",
        "{\"git\": \"ext::id\", \"revision\": \"main\"}",
        "{\"git\": \"https://h/x\", \"revision\": \"--all\"}",
        "{\"git\": \"https://h/x\"}",
    };
    struct scene scene;

    scene_init(&scene);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        json_t *origin = json_text_parse(slice_of(wrong[i]), &err);
        assert_non_null(origin);
        struct tree_params params = {
            .loop = scene.stage.loop,
            .guardians = scene.guardians,
            .origin = origin,
            .home = scene.home,
            .build = "b",
            .node = "n",
        };
        assert_null(tree_new(&params, &tree_events, &scene.actors[0], &err));
        assert_true(err_is_set(&err));
        json_decref(origin);
    }
    scene_release(&scene);
}

// --------------------------------------------------------------------- git

static json_t *
git_origin(const char *revision)
{
    char *here = getcwd(NULL, 0);
    json_t *origin =
        json_pack("{s:s+, s:s}", "git", "file://", here, "revision", revision);

    free(here);
    return origin;
}

static void
make_repository(void)
{
    shell("git init -q -b main .; echo one >file; git add file;"
          "git commit -qm 1; git tag v1; echo two >file; git commit -qam 2;"
          "git rev-parse HEAD >/dev/null");
}

static char *
commit_of(const char *name)
{
    char line[100] = {0};
    char *command = alloc_printf("git rev-parse %s >../name-of-commit", name);

    shell(command);
    free(command);
    FILE *file = fopen("../name-of-commit", "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink("../name-of-commit"), 0);
    return slice_dup(slice_trim(slice_of(line)));
}

static void
revisions_are_checked_out_of_one_mirror(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_repository();
    char *commit = commit_of("v1");
    json_t *by_commit = git_origin(commit);
    json_t *by_branch = git_origin("main");
    struct actor *first = scene_make(&scene, by_commit);
    expect_file(first->path, "file", "one\n");
    assert_string_equal(first->revision, commit);
    expect_says(buf_text(&first->said), "fetching file://");
    // What is there is not fetched again, whatever has become of the origin.
    shell("mv .git elsewhere");
    struct actor *second = scene_make(&scene, by_commit);
    expect_file(second->path, "file", "one\n");
    assert_string_equal(buf_text(&second->said), "");
    shell("mv elsewhere .git; echo three >file; git commit -qam 3");
    struct actor *third = scene_make(&scene, by_branch);
    expect_file(third->path, "file", "three\n");
    shell("test $(ls -d home/mirrors/*.git | wc -l) = 1");
    shell("cd home/trees/build=201/j2; test -z \"$(git status --porcelain)\";"
          "git log -1 >/dev/null");
    scene_remove(&scene, first);
    assert_false(is_there("home/trees/build=201", "j0"));
    assert_true(is_there("home/trees/build=201", "j2"));
    json_decref(by_commit);
    json_decref(by_branch);
    free(commit);
    scene_release(&scene);
}

static void
several_at_once_share_a_mirror(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_repository();
    json_t *origin = git_origin("main");
    for (int i = 0; i < 4; i++) {
        scene_begin(&scene, origin);
    }
    scene_wait(&scene);
    for (int i = 0; i < 4; i++) {
        expect_ready(&scene.actors[i]);
        expect_file(scene.actors[i].path, "file", "two\n");
    }
    json_decref(origin);
    scene_release(&scene);
}

static void
a_commit_that_no_branch_leads_to_is_fetched_where_that_is_allowed(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_repository();
    shell("git checkout -q --detach; echo lost >file; git commit -qam lost;"
          "git update-ref refs/pull/1/head HEAD; git checkout -q main;"
          "git config uploadpack.allowAnySHA1InWant true");
    char *commit = commit_of("refs/pull/1/head");
    json_t *origin = git_origin(commit);
    struct actor *actor = scene_make(&scene, origin);
    expect_file(actor->path, "file", "lost\n");
    json_decref(origin);
    free(commit);
    scene_release(&scene);
}

static void
a_revision_that_is_not_there_says_what_to_do(void **state)
{
    (void)state;
    struct scene scene;
    static const char *const names[] = {
        "no-such-branch", "0123456789012345678901234567890123456789"};

    scene_init(&scene);
    make_repository();
    for (size_t i = 0; i < 2; i++) {
        json_t *origin = git_origin(names[i]);
        struct actor *actor = scene_fail(&scene, origin, names[i]);
        assert_non_null(actor->err.hint);
        expect_says(actor->err.hint, "--ship");
        json_decref(origin);
    }
    scene_release(&scene);
}

static void
a_password_is_never_shown(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    // Nobody listens at this port.
    json_t *origin =
        json_pack("{s:s, s:s}", "git", "http://user:secret@127.0.0.1:1/it",
                  "revision", "main");
    struct actor *actor = scene_fail(&scene, origin, "http://***@127.0.0.1:1");
    assert_null(strstr(actor->err.text, "secret"));
    assert_null(strstr(buf_text(&actor->said), "secret"));
    expect_says(buf_text(&actor->said), "fetching http://***@127.0.0.1:1/it");
    json_decref(origin);
    scene_release(&scene);
}

static void
hooks_and_repositories_of_others_have_no_say(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_repository();
    shell("mkdir -p templates/hooks; cd templates/hooks;"
          "printf '#!/bin/sh\\ntouch \"$RAN\"\\n' >post-checkout;"
          "chmod 755 post-checkout");
    char *here = getcwd(NULL, 0);
    char *templates = alloc_printf("GIT_TEMPLATE_DIR=%s/templates", here);
    char *ran = alloc_printf("RAN=%s/ran", here);
    const char *environment[] = {templates,
                                 ran,
                                 "GIT_DIR=/nowhere",
                                 "GIT_WORK_TREE=/nowhere",
                                 "GIT_INDEX_FILE=/nowhere",
                                 NULL};
    guardians_environment(scene.guardians, environment);
    json_t *origin = git_origin("main");
    struct actor *actor = scene_make(&scene, origin);
    expect_file(actor->path, "file", "two\n");
    assert_false(is_there(here, "ran"));
    json_decref(origin);
    free(templates);
    free(ran);
    free(here);
    scene_release(&scene);
}

static void
locks_of_a_fetch_that_was_killed_are_no_hindrance(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_repository();
    json_t *origin = git_origin("main");
    scene_make(&scene, origin);
    shell("echo three >file; git commit -qam 3; cd home/mirrors/*.git;"
          ": >packed-refs.lock; : >refs/heads/main.lock; : >config.lock");
    struct actor *actor = scene_make(&scene, origin);
    expect_file(actor->path, "file", "three\n");
    json_decref(origin);
    scene_release(&scene);
}

static void
workers_are_told_the_commit_that_is_checked_out(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_repository();
    char *head = commit_of("HEAD");
    char *tag = commit_of("v1");
    scene_offer(&scene,
                (struct shipment_params){.folder = ".", .git = "https://h/x"});
    const json_t *tree = shipment_tree(scene.shipment);
    assert_string_equal(json_string_value(json_object_get(tree, "revision")),
                        head);
    assert_string_equal(json_string_value(json_object_get(tree, "git")),
                        "https://h/x");
    assert_string_equal(shipment_revision(scene.shipment), head);
    assert_string_equal(buf_text(&scene.said), "");
    shell("echo more >untracked");
    scene_offer(&scene, (struct shipment_params){.folder = ".",
                                                 .git = "https://h/x",
                                                 .revision = "v1"});
    tree = shipment_tree(scene.shipment);
    assert_string_equal(json_string_value(json_object_get(tree, "revision")),
                        tag);
    expect_says(buf_text(&scene.said), "another commit");
    expect_says(buf_text(&scene.said), "--ship");
    scene_offer(&scene, (struct shipment_params){.folder = ".",
                                                 .git = "https://h/x",
                                                 .revision = "only-there"});
    tree = shipment_tree(scene.shipment);
    assert_string_equal(json_string_value(json_object_get(tree, "revision")),
                        "only-there");
    scene_offer(&scene,
                (struct shipment_params){.folder = ".", .git = "ext::id"});
    expect_says(scene.err.text, "would run a program");
    expect_refused(&scene,
                   (struct shipment_params){
                       .folder = ".", .git = "https://user:secret@host/x"},
                   "has a password", "credential helper");
    assert_null(strstr(scene.err.text, "secret"));
    free(head);
    free(tag);
    scene_release(&scene);
}

// -------------------------------------------------------------------- rest

static void
without_an_origin_the_folder_stays_as_it_is(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    scene_offer(&scene, (struct shipment_params){.folder = "."});
    assert_int_equal(json_object_size(shipment_tree(scene.shipment)), 0);
    struct actor *actor = scene_make(&scene, shipment_tree(scene.shipment));
    assert_null(actor->path);
    scene_remove(&scene, actor);
    assert_false(is_there(".", "home"));
    scene_release(&scene);
}

static void
a_tree_that_a_killed_engine_left_is_replaced(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_checkout();
    shell("mkdir -p home/trees/build=201/j0/a; : >home/trees/build=201/j0/old;"
          "chmod 500 home/trees/build=201/j0/a");
    scene_ship(&scene, "work");
    struct actor *actor = scene_make(&scene, shipment_tree(scene.shipment));
    assert_false(is_there(actor->path, "old"));
    expect_file(actor->path, "changed", "new\n");
    scene_release(&scene);
}

static void
a_prepared_tree_is_used_as_it_is(void **state)
{
    (void)state;
    struct scene scene;
    struct err err = {0};

    scene_init(&scene);
    make_checkout();
    scene_ship(&scene, "work");
    const json_t *origin = shipment_tree(scene.shipment);
    scene_make(&scene, origin);
    shell("echo mark >home/trees/build=201/j0/mark");
    struct actor *again = &scene.actors[scene.actor_count++];
    struct tree_params params = {
        .loop = scene.stage.loop,
        .guardians = scene.guardians,
        .origin = origin,
        .home = scene.home,
        .build = "build 1",
        .node = "j0",
        .prepared = true,
    };
    again->tree = tree_new(&params, &tree_events, again, &err);
    assert_non_null(again->tree);
    scene.waiting++;
    tree_start(again->tree);
    scene_wait(&scene);
    expect_ready(again);
    expect_file(again->path, "mark", "mark\n");
    assert_int_equal(again->wants, 0);
    scene_release(&scene);
}

static bool
cancel_at_the_third(struct scene *scene, uint64_t at, struct slice *data)
{
    (void)at;
    (void)data;
    if (scene->pieces == 3) {
        tree_cancel(scene->actors[0].tree);
    }
    return true;
}

static void
what_is_begun_can_be_stopped(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    make_big_checkout();
    scene_ship(&scene, "big");
    scene.on_piece = cancel_at_the_third;
    struct actor *actor =
        scene_fail(&scene, shipment_tree(scene.shipment), "stopped");
    assert_int_equal(actor->err.kind, ERR_INTERRUPTED);
    scene_remove(&scene, actor);
    assert_false(is_there("home/trees/build=201", "j0"));
    // Nobody holds what the next one needs; and it goes on.
    scene.on_piece = NULL;
    struct actor *next = scene_make(&scene, shipment_tree(scene.shipment));
    assert_true(next->first > 0);
    scene_release(&scene);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(the_working_tree_arrives_as_it_is),
    IN_FOLDER(equal_trees_have_equal_hashes),
    IN_FOLDER(repositories_inside_are_shipped_too),
    IN_FOLDER(work_goes_on_in_the_folder_where_it_was_begun),
    IN_FOLDER(a_tree_that_is_too_big_is_refused_with_another_way),
    IN_FOLDER(what_is_no_checkout_cannot_be_shipped),
    IN_FOLDER(a_link_out_of_the_tree_is_not_shipped),
    IN_FOLDER(files_that_change_while_they_are_packed_are_noticed),
    IN_FOLDER(pieces_that_are_lost_damaged_or_doubled_do_no_harm),
    IN_FOLDER(a_host_pulls_an_archive_once),
    IN_FOLDER(half_an_archive_is_gone_on_with),
    IN_FOLDER(what_was_damaged_in_the_store_is_pulled_again),
    IN_FOLDER(four_mebibytes_are_on_their_way_at_most),
    IN_FOLDER(what_is_asked_for_must_make_sense),
    IN_FOLDER(an_archive_with_one_bad_entry_is_not_unpacked_at_all),
    IN_FOLDER(an_archive_that_is_cut_off_or_none_is_refused),
    IN_FOLDER(an_archive_with_another_hash_is_refused),
    IN_FOLDER(origins_that_make_no_sense_are_refused),
    IN_FOLDER(revisions_are_checked_out_of_one_mirror),
    IN_FOLDER(several_at_once_share_a_mirror),
    IN_FOLDER(
        a_commit_that_no_branch_leads_to_is_fetched_where_that_is_allowed),
    IN_FOLDER(a_revision_that_is_not_there_says_what_to_do),
    IN_FOLDER(a_password_is_never_shown),
    IN_FOLDER(hooks_and_repositories_of_others_have_no_say),
    IN_FOLDER(locks_of_a_fetch_that_was_killed_are_no_hindrance),
    IN_FOLDER(workers_are_told_the_commit_that_is_checked_out),
    IN_FOLDER(without_an_origin_the_folder_stays_as_it_is),
    IN_FOLDER(a_tree_that_a_killed_engine_left_is_replaced),
    IN_FOLDER(a_prepared_tree_is_used_as_it_is),
    IN_FOLDER(what_is_begun_can_be_stopped),
};
CHECK_MAIN(tests)
