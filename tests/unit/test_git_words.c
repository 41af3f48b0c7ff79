#include "check.h"

#include <string.h>

#include "fleet/git_words.h"

static void
urls_that_git_fetches_from_are_taken(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "https://host/group/it.git",
        "http://user:pa%40ss@host:8080/it",
        "ssh://git@host:22/it",
        "git://host/it",
        "file:///srv/git/it.git",
        "git@host:group/it.git",
        "host:it",
        "/srv/git/it.git",
        "/srv/odd::name",
        "https://host/odd::name",
        "ssh://[::1]/it",
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct err err = {0};
        if (!git_words_check_url(slice_of(urls[i]), &err)) {
            fail_msg("%s", err.text);
        }
    }
}

static void
urls_that_run_something_or_look_like_options_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "ext::sh -c id",
        "ext::sh",
        "fd::3",
        "remote-x::host",
        "-u./x",
        "--upload-pack=id",
        "ssh://-oProxyCommand=id/it",
        "ssh://git@-oProxyCommand=id/it",
        "-oProxyCommand=id:it",
        "a@-oProxyCommand=id:it",
        "ftp://host/it",
        "javascript://x",
        "it.git",
        "./it.git",
        "../it.git",
        "a/b:c",
        ":x",
        "https://host/a\nb",
        "https://host/a b",
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct err err = {0};
        if (git_words_check_url(slice_of(urls[i]), &err)) {
            fail_msg("%s is taken", urls[i]);
        }
        assert_int_equal(err.kind, ERR_CONFIG);
    }
}

static void
an_error_shows_no_password(void **state)
{
    (void)state;
    struct err err = {0};

    assert_false(git_words_check_url(SLICE("ftp://user:secret@host/it"), &err));
    assert_null(strstr(err.text, "secret"));
    assert_non_null(strstr(err.text, "ftp://***@host/it"));
}

static void
revisions_are_plain_names(void **state)
{
    (void)state;
    static const char *const taken[] = {
        "main", "v1.2", "feature/x-1",
        "0123456789abcdef0123456789abcdef01234567", "refs/pull/12/head"};
    static const char *const refused[] = {
        "",    "-b",          "--all", "a..b", "a:b", "a b",  "a^",
        "a~1", "@{upstream}", "a\nb",  "/x",   "*",   "a\\b", "$(id)"};

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct err err = {0};
        assert_true(git_words_check_revision(slice_of(taken[i]), &err));
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct err err = {0};
        if (git_words_check_revision(slice_of(refused[i]), &err)) {
            fail_msg("\"%s\" is taken", refused[i]);
        }
        assert_int_equal(err.kind, ERR_CONFIG);
    }
    assert_true(git_words_is_commit(slice_of(taken[3])));
    assert_false(git_words_is_commit(slice_of("0123456")));
}

static void
a_password_in_a_url_is_found(void **state)
{
    (void)state;
    static const char *const with[] = {"https://u:p@h/x", "ssh://u:@h",
                                       "http://:p@h:8080/x"};
    static const char *const without[] = {
        "https://h/x",    "https://u@h/x",   "https://h:8080/x",
        "ssh://git@h:22", "git@h:group/x",   "https://h:1/a@b",
        "/a:b@c",         "https://u@h:1/x", ""};

    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
        assert_true(git_words_has_password(slice_of(with[i])));
    }
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        assert_false(git_words_has_password(slice_of(without[i])));
    }
}

static void
expect_masked(const char *text, const char *wanted)
{
    struct buf buf = BUF_INIT(4096);

    assert_true(git_words_add_masked(&buf, slice_of(text)));
    assert_string_equal(buf_text(&buf), wanted);
    buf_release(&buf);
}

static void
what_stands_before_the_host_is_masked(void **state)
{
    (void)state;
    expect_masked("", "");
    expect_masked("nothing here@all", "nothing here@all");
    expect_masked("https://u:p@h/x", "https://***@h/x");
    expect_masked("https://u:p@ss'w@h/x", "https://***@h/x");
    expect_masked("at 'https://u:p@h/x': and ssh://git@h",
                  "at 'https://***@h/x': and ssh://***@h");
    expect_masked("https://h/x@y", "https://h/x@y");
    expect_masked("https://", "https://");
    expect_masked("a://b@", "a://***@");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(urls_that_git_fetches_from_are_taken),
    cmocka_unit_test(urls_that_run_something_or_look_like_options_are_refused),
    cmocka_unit_test(an_error_shows_no_password),
    cmocka_unit_test(revisions_are_plain_names),
    cmocka_unit_test(a_password_in_a_url_is_found),
    cmocka_unit_test(what_stands_before_the_host_is_masked),
};
CHECK_MAIN(tests)
