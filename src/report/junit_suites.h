/*
 * The suites of a JUnit report and their tests, which are kept in a file
 * until the suites can be written: memory holds what a suite costs, and not
 * its tests. Knows nothing of where reports go.
 */
#ifndef REPORT_JUNIT_SUITES_H
#define REPORT_JUNIT_SUITES_H

#include "model/event.h"
#include "report/writer.h"

struct junit_suites;

/* Takes `fd`, an empty file that can be read and written. */
struct junit_suites *junit_suites_new(int fd);
void junit_suites_free(struct junit_suites *suites);

/* What every suite says of the run it belongs to. Copied. */
void junit_suites_set_run(struct junit_suites *suites, const char *build_id,
                          const char *hostname);

/* What every suite says of how its tests came to run. Copied. */
void junit_suites_set_collected(struct junit_suites *suites,
                                const struct event_collected *collected);

/*
 * Adds a test that ended at `event`'s time; an item that was added before is
 * not added again. False with err when the file cannot take it.
 */
bool junit_suites_add(struct junit_suites *suites, const struct event *event,
                      struct err *err);

/* A test ended, and runs again: it is told of when it is decided. */
void junit_suites_add_attempt(struct junit_suites *suites,
                              const struct event_test *test);

/* Adds a script that failed: nobody's test, but a server should show it. */
bool junit_suites_add_script(struct junit_suites *suites,
                             const struct event *event, struct err *err);

/* Whether everything could be kept so far; flushes. */
bool junit_suites_are_kept(struct junit_suites *suites, struct err *err);

size_t junit_suites_count(const struct junit_suites *suites);
/* Borrowed; the name of the class. */
const char *junit_suites_name(const struct junit_suites *suites, size_t place);
/* Time of its tests, one after another. */
uint64_t junit_suites_us(const struct junit_suites *suites, size_t place);

/*
 * Writes a document with the suites from `first` up to and without `last`; it
 * says that it took `us`, and began at `began_ms` when it has no tests. False
 * with an err in `out`.
 */
bool junit_suites_write(const struct junit_suites *suites, size_t first,
                        size_t last, uint64_t us, int64_t began_ms,
                        struct writer *out);

#endif
