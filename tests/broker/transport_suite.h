/*
 * What transport.h promises, as tests over any URL: each driver runs all of
 * them. Speaks TAP. The broker must be there and reachable; queues are named
 * after the process and deleted in the end.
 */
#ifndef TESTS_BROKER_TRANSPORT_SUITE_H
#define TESTS_BROKER_TRANSPORT_SUITE_H

#include <stdbool.h>

struct transport_suite {
    const char *url;
    /*
     * Cuts all connections to the broker; it takes new ones again at once.
     * NULL: what is promised of that is not looked at.
     */
    void (*cut)(void *ctx);
    void *ctx;
    /* The broker knows which queues there are, how they were made and who
     * takes from them (AMQP does, Redis does not). */
    bool knows_queues;
    /* transport_withdraw takes messages out. */
    bool withdraws;
};

/* Gives the number of failures; to be the end of main. */
int transport_suite_run(const struct transport_suite *suite);

#endif
