#include "run/leak.h"

#include "check.h"

static struct items *
two_jobs(void)
{
    struct items *items = items_new();

    items_add_job(items, &(struct job_params){.name = SLICE("m.A")});
    items_add_job(items, &(struct job_params){.name = SLICE("m.B")});
    return items;
}

/* The job that a process with this tag belonged to. */
static void
belongs_to(const char *tag, const char *job)
{
    struct items *items = two_jobs();
    struct guardian_leak leak = {
        .pid = 4711,
        .job = tag,
        .command = "sleep 100",
    };
    struct event_leak event;

    leak_describe(&event, &leak, items, "k3v9x2");
    assert_string_equal(event.job, job);
    assert_string_equal(event.id, "");
    assert_int_equal(event.pid, 4711);
    assert_string_equal(event.command, "sleep 100");
    items_free(items);
}

static void
a_tag_of_this_build_names_its_job(void **state)
{
    (void)state;
    belongs_to("k3v9x2.0.1", "m.A");
    belongs_to("k3v9x2.1.17", "m.B");
}

static void
any_other_tag_names_none(void **state)
{
    static const char *const tags[] = {
        "",
        "k3v9x2",
        "k3v9x2.",
        "k3v9x2.2.1",
        "k3v9x2.x.1",
        "k3v9x2.-1.1",
        "other.0.1",
        "k3v9x20.0.1",
        "xk3v9x2.0.",
        "k3v9x2..1",
        "k3v9x2.99999999999999999999.1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        belongs_to(tags[i], "");
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_tag_of_this_build_names_its_job),
    cmocka_unit_test(any_other_tag_names_none),
};

CHECK_MAIN(tests)
