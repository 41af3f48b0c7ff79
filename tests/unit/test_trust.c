#include "check.h"

#include <string.h>

#include "folder.h"
#include "transport/trust.h"

static const char *const files[] = {"a.pem", "b/b.pem", "c.pem", NULL};

static void
the_place_that_openssl_knows_is_enough(void **state)
{
    (void)state;
    folder_write("b/b.pem", "");
    folder_write("own/cert.pem", "");
    assert_null(trust_choose("own/cert.pem", "gone", files));
    assert_null(trust_choose("gone", "own", files));
}

static void
without_it_the_first_that_is_there_is_taken(void **state)
{
    (void)state;
    assert_null(trust_choose("gone", "gone", files));
    folder_write("c.pem", "");
    assert_string_equal(trust_choose("gone", "gone", files), "c.pem");
    folder_write("b/b.pem", "");
    assert_string_equal(trust_choose("gone", "gone", files), "b/b.pem");
    // A folder of that name is none of them.
    folder_write("a.pem/x", "");
    assert_string_equal(trust_choose("gone", "gone", files), "b/b.pem");
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(the_place_that_openssl_knows_is_enough),
    IN_FOLDER(without_it_the_first_that_is_there_is_taken),
};

CHECK_MAIN(tests)
