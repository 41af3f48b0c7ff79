#include "fleet/fleet_names.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "util/alloc.h"

static void
names_are_made_of_the_id(void **state)
{
    (void)state;
    struct fleet_names names;
    struct err err = {0};

    assert_true(fleet_names_init(&names, "Ab.9_-", &err));
    assert_string_equal(names.build, "Ab.9_-");
    assert_string_equal(names.queue, "mule-Ab.9_-");
    assert_string_equal(names.inbox, "mule-in-Ab.9_-");
    char *ship = fleet_names_ship(&names, "00112233445566aa");
    assert_string_equal(ship, "mule-ship-Ab.9_--00112233445566aa");
    free(ship);
    fleet_names_release(&names);
}

static void
odd_bytes_are_written_in_hexadecimal(void **state)
{
    (void)state;
    char *text = fleet_names_escape("a b/\xC3\xBC=\n~");

    assert_string_equal(text, "a=20b=2F=C3=BC=3D=0A=7E");
    free(text);
}

static void
ids_that_differ_have_names_that_differ(void **state)
{
    (void)state;
    char *first = fleet_names_escape("a=20b");
    char *second = fleet_names_escape("a b");

    assert_string_not_equal(first, second);
    free(first);
    free(second);
}

static void
an_id_no_broker_could_bear_is_an_error(void **state)
{
    (void)state;
    struct fleet_names names;
    char *longest = alloc_zero(1, FLEET_BUILD_MAX + 2);
    struct err err = {0};

    memset(longest, 'x', FLEET_BUILD_MAX);
    assert_true(fleet_names_init(&names, longest, &err));
    assert_true(strlen(names.inbox) <= 255);
    fleet_names_release(&names);
    longest[FLEET_BUILD_MAX] = 'x';
    assert_false(fleet_names_init(&names, longest, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_null(names.queue);
    err_clear(&err);
    assert_false(fleet_names_init(&names, "", &err));
    err_clear(&err);
    assert_false(fleet_names_init(&names, "a\xff", &err));
    free(longest);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_are_made_of_the_id),
    cmocka_unit_test(odd_bytes_are_written_in_hexadecimal),
    cmocka_unit_test(ids_that_differ_have_names_that_differ),
    cmocka_unit_test(an_id_no_broker_could_bear_is_an_error),
};

CHECK_MAIN(tests)
