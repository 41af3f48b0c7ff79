#include "adapter/database_record.h"

#include "tests/unit/check.h"

#define HEADER                                                         \
    "{\"mule\":\"databases\",\"version\":1,\"build\":\"k3\",\"host\":" \
    "\"ci-3\",\"boot\":\"7c\",\"pid\":4711,\"time\":1}\n"
#define ON "\"server\":\"mysql://db:3306\"}\n"

static void
parse(struct database_record *record, const char *text)
{
    struct err err = {0};

    *record = (struct database_record){0};
    if (!database_record_parse(record, slice_of(text), &err)) {
        fail_msg("%s", err.text);
    }
}

static void
what_was_created_and_not_dropped_is_left(void **state)
{
    (void)state;
    struct database_record record;

    parse(&record, HEADER "{\"create\":\"a\"," ON "{\"create\":\"b\"," ON
                          "{\"create\":\"c\"," ON "{\"drop\":\"b\"," ON
                          "{\"drop\":\"never\"," ON);
    assert_string_equal(record.build, "k3");
    assert_string_equal(record.host, "ci-3");
    assert_string_equal(record.boot, "7c");
    assert_int_equal(record.pid, 4711);
    assert_int_equal(record.left.count, 2);
    assert_string_equal(record.left.items[0].name, "a");
    assert_string_equal(record.left.items[1].name, "c");
    assert_string_equal(record.left.items[1].server, "mysql://db:3306");
    database_record_release(&record);
}

static void
one_name_on_two_servers_is_two_databases(void **state)
{
    (void)state;
    struct database_record record;

    parse(&record, HEADER "{\"create\":\"a\"," ON
                          "{\"create\":\"a\",\"server\":\"sqlite:\"}\n"
                          "{\"drop\":\"a\"," ON);
    assert_int_equal(record.left.count, 1);
    assert_string_equal(record.left.items[0].server, "sqlite:");
    database_record_release(&record);
}

static void
what_is_created_again_is_there_once(void **state)
{
    (void)state;
    struct database_record record;

    parse(&record, HEADER "{\"create\":\"a\"," ON "{\"create\":\"a\"," ON);
    assert_int_equal(record.left.count, 1);
    database_record_release(&record);
    parse(&record, HEADER "{\"create\":\"a\"," ON "{\"drop\":\"a\"," ON
                          "{\"create\":\"a\"," ON);
    assert_int_equal(record.left.count, 1);
    database_record_release(&record);
}

static void
half_a_line_of_one_who_died_is_passed_over(void **state)
{
    (void)state;
    struct database_record record;

    parse(&record, HEADER "{\"create\":\"a\",\"ser\n\n[1]\n"
                          "{\"create\":7," ON "{\"create\":\"b\"," ON
                          "{\"create\":\"c\"");
    assert_int_equal(record.left.count, 1);
    assert_string_equal(record.left.items[0].name, "b");
    database_record_release(&record);
}

static void
a_file_without_its_header_is_an_error(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "\n" HEADER,
        "{\"create\":\"a\"," ON,
        "{\"mule\":\"databases\",\"version\":2,\"build\":\"\",\"host\":\"\","
        "\"boot\":\"\",\"pid\":1}\n",
        "{\"mule\":\"databases\",\"version\":1,\"build\":\"b\"}\n",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct database_record record = {0};
        struct err err = {0};
        assert_false(database_record_parse(&record, slice_of(wrong[i]), &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        database_record_release(&record);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_created_and_not_dropped_is_left),
    cmocka_unit_test(one_name_on_two_servers_is_two_databases),
    cmocka_unit_test(what_is_created_again_is_there_once),
    cmocka_unit_test(half_a_line_of_one_who_died_is_passed_over),
    cmocka_unit_test(a_file_without_its_header_is_an_error),
};

CHECK_MAIN(tests)
