#include "stage.h"

#include <string.h>
#include <sys/socket.h>

#include "transport/resolver.h"

struct asker {
    struct stage stage;
    int answers;
    bool found;
    char reason[128];
};

static void
on_resolved(void *ctx, struct addrinfo *addresses, const char *reason)
{
    struct asker *asker = ctx;

    asker->answers++;
    asker->found = addresses != NULL;
    if (addresses != NULL) {
        assert_int_equal(addresses->ai_socktype, SOCK_STREAM);
        freeaddrinfo(addresses);
    } else {
        (void)snprintf(asker->reason, sizeof(asker->reason), "%s", reason);
    }
    loop_stop(asker->stage.loop);
}

static void
a_host_has_addresses(void **state)
{
    struct asker asker = {0};

    (void)state;
    stage_init(&asker.stage);
    resolver_start(asker.stage.loop, "localhost", 6379, on_resolved, &asker);
    stage_run(&asker.stage);
    assert_true(asker.found);
    stage_release(&asker.stage);
}

static void
a_name_that_cannot_be_has_a_reason(void **state)
{
    struct asker asker = {0};

    (void)state;
    stage_init(&asker.stage);
    resolver_start(asker.stage.loop, "a..b", 6379, on_resolved, &asker);
    stage_run(&asker.stage);
    assert_false(asker.found);
    assert_true(strlen(asker.reason) > 0);
    stage_release(&asker.stage);
}

static void
who_does_not_wait_is_not_called(void **state)
{
    struct asker asker = {0};

    (void)state;
    stage_init(&asker.stage);
    for (int i = 0; i < 20; i++) {
        resolver_drop(resolver_start(asker.stage.loop, "localhost", 1,
                                     on_resolved, &asker));
    }
    resolver_start(asker.stage.loop, "localhost", 1, on_resolved, &asker);
    stage_run(&asker.stage);
    assert_int_equal(asker.answers, 1);
    resolver_drop(NULL);
    stage_release(&asker.stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_host_has_addresses),
    cmocka_unit_test(a_name_that_cannot_be_has_a_reason),
    cmocka_unit_test(who_does_not_wait_is_not_called),
};

CHECK_MAIN(tests)
