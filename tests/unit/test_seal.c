#include "fleet/seal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "folder.h"

static void
the_seal_is_the_hmac_of_rfc_4231(void **state)
{
    (void)state;
    struct secret secret = {0};
    char seal[SEAL_SIZE];

    secret_set(&secret, SLICE("Jefe"));
    seal_make(&secret, SLICE("what do ya want for nothing?"), seal);
    assert_string_equal(seal, "5bdcc146bf60754e6a042426089575c7"
                              "5a003f089d2739839dec58b964ec3843");
    secret_release(&secret);
    assert_null(secret.bytes);
}

static void
only_the_right_seal_of_the_exact_bytes_is_believed(void **state)
{
    (void)state;
    struct secret secret = {0};
    struct secret other = {0};
    char seal[SEAL_SIZE];
    struct slice payload = SLICE("{\"n\":1}");

    secret_set(&secret, SLICE("one"));
    secret_set(&other, SLICE("two"));
    seal_make(&secret, payload, seal);
    assert_true(seal_check(&secret, payload, slice_of(seal)));
    assert_false(seal_check(&other, payload, slice_of(seal)));
    assert_false(seal_check(&secret, SLICE("{\"n\":2}"), slice_of(seal)));
    assert_false(seal_check(&secret, payload, SLICE("")));
    assert_false(seal_check(&secret, payload, slice_make(seal, SEAL_SIZE - 2)));
    seal[SEAL_SIZE - 2] ^= 1;
    assert_false(seal_check(&secret, payload, slice_of(seal)));
    secret_release(&secret);
    secret_release(&other);
}

static void
without_a_secret_seals_are_empty_and_anything_is_believed(void **state)
{
    (void)state;
    struct secret none = {0};
    char seal[SEAL_SIZE];

    seal_make(&none, SLICE("x"), seal);
    assert_string_equal(seal, "");
    assert_true(seal_check(&none, SLICE("x"), SLICE("")));
    assert_true(seal_check(&none, SLICE("x"), SLICE("anything")));
}

static void
the_variable_is_read_and_removed_where_others_look(void **state)
{
    (void)state;
    struct secret secret;
    struct err err = {0};

    setenv("MULE_SECRET", "hush \n", 1);
    const char *place = getenv("MULE_SECRET");
    assert_true(secret_read(&secret, NULL, &err));
    assert_int_equal(secret.len, 4);
    assert_memory_equal(secret.bytes, "hush", 4);
    assert_null(getenv("MULE_SECRET"));
    assert_string_equal(place, "");
    secret_release(&secret);

    setenv("MULE_SECRET", "", 1);
    assert_true(secret_read(&secret, NULL, &err));
    assert_false(secret_is_set(&secret));
    assert_null(getenv("MULE_SECRET"));
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void
a_file_wins_and_must_be_private(void **state)
{
    (void)state;
    const char *path = "secret";
    struct secret secret;
    struct err err = {0};

    write_file(path, "from the file\n", 0600);
    setenv("MULE_SECRET", "from the variable", 1);
    assert_true(secret_read(&secret, path, &err));
    assert_int_equal(secret.len, strlen("from the file"));
    assert_null(getenv("MULE_SECRET"));
    secret_release(&secret);

    static const mode_t open_modes[] = {0640, 0620, 0604, 0644};
    for (size_t i = 0; i < sizeof(open_modes) / sizeof(*open_modes); i++) {
        write_file(path, "from the file\n", open_modes[i]);
        err_clear(&err);
        assert_false(secret_read(&secret, path, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_null(strstr(err.text, "from the file"));
        assert_non_null(strstr(err.hint, "chmod"));
        assert_false(secret_is_set(&secret));
    }
}

static void
what_is_no_secret_is_an_error(void **state)
{
    (void)state;
    const char *path = "secret";
    struct secret secret;
    struct err err = {0};
    char text[5001];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(secret_read(&secret, path, &err)); // there is none
    err_clear(&err);
    write_file(path, " \n", 0600);
    assert_false(secret_read(&secret, path, &err));
    err_clear(&err);
    write_file(path, text, 0600);
    assert_false(secret_read(&secret, path, &err));
    err_clear(&err);
    assert_false(secret_read(&secret, ".", &err));
    err_clear(&err);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(secret_read(&secret, path, &err));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_seal_is_the_hmac_of_rfc_4231),
    cmocka_unit_test(only_the_right_seal_of_the_exact_bytes_is_believed),
    cmocka_unit_test(without_a_secret_seals_are_empty_and_anything_is_believed),
    cmocka_unit_test(the_variable_is_read_and_removed_where_others_look),
    cmocka_unit_test_setup_teardown(a_file_wins_and_must_be_private,
                                    folder_enter, folder_leave),
    cmocka_unit_test_setup_teardown(what_is_no_secret_is_an_error, folder_enter,
                                    folder_leave),
};

CHECK_MAIN(tests)
