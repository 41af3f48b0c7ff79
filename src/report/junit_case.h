/*
 * One test -> its <testcase> element. Any bytes become well-formed XML 1.0.
 * Knows nothing of files and suites.
 */
#ifndef REPORT_JUNIT_CASE_H
#define REPORT_JUNIT_CASE_H

#include "model/event.h"
#include "report/attempts.h"
#include "report/writer.h"

/* How a test is known to CI servers; borrowed from its id and its job. */
struct junit_name {
    struct slice classname;
    struct slice name;
};

/*
 * "pkg.Class.test_x" is test_x of pkg.Class, "setUpClass (pkg.Class)" is
 * setUpClass of it; anything else is itself, of its job.
 */
struct junit_name junit_case_name(const char *id, const char *job);

/* How many elements of each kind a test has, as they are written. */
struct junit_counts {
    uint32_t failures;
    uint32_t errors;
    uint32_t skipped;
};

struct junit_counts junit_case_count(const struct event_test *test);

/*
 * Adds the element, with the attempts before it that did not decide it.
 * `began_ms` is when it began, since 1970.
 */
void junit_case_write(struct writer *writer, const struct junit_name *name,
                      const struct event_test *test,
                      const struct attempts *attempts, int64_t began_ms);

/* Adds "0.123": seconds. */
void junit_case_seconds(struct buf *buf, uint64_t us);

/* Adds ` name="value"`. */
void junit_case_attribute(struct buf *buf, const char *name,
                          struct slice value);

#endif
