#include "check.h"

#include <string.h>

#include "fleet/manifest.h"

static struct tar_entry
file(const char *name)
{
    return (struct tar_entry){
        .kind = TAR_FILE, .type = '0', .mode = 0644, .name = slice_of(name)};
}

static struct tar_entry
folder(const char *name)
{
    return (struct tar_entry){
        .kind = TAR_FOLDER, .type = '5', .mode = 0755, .name = slice_of(name)};
}

static struct tar_entry
link_to(const char *name, const char *target)
{
    return (struct tar_entry){.kind = TAR_LINK,
                              .type = '2',
                              .mode = 0777,
                              .name = slice_of(name),
                              .target = slice_of(target)};
}

static void
take(struct manifest *manifest, struct tar_entry entry)
{
    struct err err = {0};

    if (!manifest_add(manifest, &entry, &err)) {
        fail_msg("%s", err.text);
    }
}

static void
refuse(struct manifest *manifest, struct tar_entry entry, const char *why)
{
    struct err err = {0};

    assert_false(manifest_add(manifest, &entry, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    if (strstr(err.text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    }
}

static void
ordinary_trees_are_taken(void **state)
{
    (void)state;
    struct manifest manifest = {0};

    take(&manifest, file("a"));
    take(&manifest, file("b/c/d.txt"));
    take(&manifest, file("b/c/..."));
    take(&manifest, file("..b/.gitignore"));
    take(&manifest, folder("b/empty/"));
    take(&manifest, folder("b"));
    take(&manifest, file("\xff\xfe name\n"));
    take(&manifest, link_to("b/c/up", "../../a"));
    take(&manifest, link_to("b/c/self", "."));
    take(&manifest, link_to("same", "./b//c"));
    take(&manifest, link_to("dangling", "no/where"));
    manifest_release(&manifest);
}

static void
names_that_lead_out_are_refused(void **state)
{
    (void)state;
    struct manifest manifest = {0};

    refuse(&manifest, file("/etc/passwd"), "absolute");
    refuse(&manifest, file("../x"), "\"..\"");
    refuse(&manifest, file("a/../../x"), "\"..\"");
    refuse(&manifest, file("a/.."), "\"..\"");
    refuse(&manifest, folder("../"), "\"..\"");
    refuse(&manifest, file("./a"), "says nothing");
    refuse(&manifest, file("a//b"), "says nothing");
    refuse(&manifest, file("a/"), "says nothing");
    refuse(&manifest, folder("/"), "no name");
    refuse(&manifest, file(""), "no name");
    refuse(&manifest, file(".git/hooks/post-checkout"), "git");
    refuse(&manifest, file("a/.GIT/config"), "git");
    struct tar_entry nul = file("a");
    nul.name = slice_make("a\0b", 3);
    refuse(&manifest, nul, "cannot be the name");
    manifest_release(&manifest);
}

static void
links_that_lead_out_are_refused(void **state)
{
    (void)state;
    static const char *const out[] = {
        "/",       "/etc/passwd", "..",      "../x",    "../../x",
        "x/../..", "x/../y",      "./../..", "../b/..", "",
    };

    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        struct manifest manifest = {0};
        refuse(&manifest, link_to("link", out[i]), "leads out");
        manifest_release(&manifest);
    }
    struct manifest manifest = {0};
    refuse(&manifest, link_to("a/b/link", "../../.."), "leads out");
    take(&manifest, link_to("a/b/link", "../.."));
    // By names this one would stay inside; through the link it would not.
    refuse(&manifest, link_to("esc", "a/b/link/../.."), "leads out");
    manifest_release(&manifest);
}

static void
nothing_lies_below_a_link_or_file(void **state)
{
    (void)state;
    struct manifest manifest = {0};

    take(&manifest, link_to("a/link", "../b"));
    refuse(&manifest, file("a/link/x"), "below");
    refuse(&manifest, folder("a/link/x/y"), "below");
    take(&manifest, file("file"));
    refuse(&manifest, file("file/x"), "below");
    manifest_release(&manifest);
}

static void
what_comes_twice_is_refused(void **state)
{
    (void)state;
    struct manifest manifest = {0};

    take(&manifest, file("a"));
    refuse(&manifest, file("a"), "twice");
    refuse(&manifest, link_to("a", "b"), "twice");
    refuse(&manifest, folder("a"), "twice");
    take(&manifest, file("b/c"));
    refuse(&manifest, link_to("b", "a"), "twice");
    take(&manifest, folder("b"));
    take(&manifest, folder("b/"));
    manifest_release(&manifest);
}

static void
devices_hard_links_and_setuid_bits_are_refused(void **state)
{
    (void)state;
    static const char types[] = {'1', '3', '4', '6', '7', 'S', 'L'};
    struct manifest manifest = {0};

    for (size_t i = 0; i < sizeof(types); i++) {
        struct tar_entry entry = file("x");
        entry.kind = TAR_OTHER;
        entry.type = types[i];
        refuse(&manifest, entry, types[i] == '1' ? "hard link" : "is no file");
    }
    static const uint32_t modes[] = {04755, 02755, 01777};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct tar_entry entry = file("x");
        entry.mode = modes[i];
        refuse(&manifest, entry, "setuid");
    }
    struct tar_entry entry = link_to("x", "y");
    entry.size = 1;
    refuse(&manifest, entry, "has data");
    manifest_release(&manifest);
}

static void
a_name_is_shown_without_control_characters(void **state)
{
    (void)state;
    struct manifest manifest = {0};

    refuse(&manifest, file("\x1b]0;x\x07/../a\n"), "\\x0a");
    manifest_release(&manifest);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ordinary_trees_are_taken),
    cmocka_unit_test(names_that_lead_out_are_refused),
    cmocka_unit_test(links_that_lead_out_are_refused),
    cmocka_unit_test(nothing_lies_below_a_link_or_file),
    cmocka_unit_test(what_comes_twice_is_refused),
    cmocka_unit_test(devices_hard_links_and_setuid_bits_are_refused),
    cmocka_unit_test(a_name_is_shown_without_control_characters),
};
CHECK_MAIN(tests)
