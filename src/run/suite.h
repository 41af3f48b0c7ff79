/*
 * A test suite on this machine, run through an adapter: the zygote, the slots
 * with their workers, and the socket they call. Both a source of items and a
 * place that runs jobs.
 */
#ifndef RUN_SUITE_H
#define RUN_SUITE_H

#include "run/adapter_command.h"
#include "run/executor.h"
#include "run/source.h"
#include "run/workplace.h"

#include "adapter/request_codec.h"

struct suite_params {
    struct loop *loop;
    struct guardians *guardians;
    const struct settings *settings;
    struct items *items;
    struct workplace *workplace;
    const struct adapter_command *command;
    const char *build_id;
    const char *version;
    const char *coverage_dir; // or NULL
    const char *profile_dir;  // or NULL
    int slots;
    int base; // the number of the first slot in its build
    const struct executor_events *events;
    void *ctx; // of the events; may be set later with suite_listen
};

struct suite;
/* Borrows all. NULL with err. */
struct suite *suite_new(const struct suite_params *params, struct err *err);
void suite_listen(struct suite *suite, void *ctx);
void suite_free(struct suite *suite); // after on_drained

struct source *suite_source(struct suite *suite);
struct executor *suite_executor(struct suite *suite);

/* A process outlived its job: a guardian says so. */
void suite_leaked(struct suite *suite, const struct guardian_leak *leak);

#endif
