#include "report/junit_suites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/junit_case.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"
#include "util/now.h"

#define COPY_SIZE 65536 // bytes copied out of the file at a time
#define MOST_ITEMS (1U << 28)

// A piece of the spool.
struct extent {
    uint64_t offset;
    uint64_t len;
};

struct suite {
    char *name;
    uint32_t tests;
    struct junit_counts counts;
    uint64_t us;
    int64_t began_ms;
    ARRAY(struct extent) extents;
};

struct junit_suites {
    struct writer spool;
    char *build_id;
    char *hostname;
    struct buf properties;   // XML; of how tests came to run
    ARRAY(struct suite) all; // in the order in which they were met
    struct map places;       // name -> place in `all` + 1
    struct {
        uint64_t *words;
        size_t count;
    } seen; // a bit for each item that is in the file
    struct attempts_map attempts;
};

struct junit_suites *
junit_suites_new(int fd)
{
    struct junit_suites *suites = ALLOC(struct junit_suites);

    suites->build_id = alloc_dup("");
    suites->hostname = alloc_dup("");
    buf_init(&suites->properties, (size_t)1 << 16);
    writer_init(&suites->spool, fd);
    map_init(&suites->places, MAP_COPIES_KEYS);
    attempts_init(&suites->attempts);
    return suites;
}

void
junit_suites_free(struct junit_suites *suites)
{
    if (suites == NULL) {
        return;
    }
    for (size_t i = 0; i < suites->all.count; i++) {
        free(suites->all.items[i].name);
        ARRAY_RELEASE(&suites->all.items[i].extents);
    }
    ARRAY_RELEASE(&suites->all);
    map_release(&suites->places);
    attempts_release(&suites->attempts);
    close(suites->spool.fd);
    writer_release(&suites->spool);
    free(suites->seen.words);
    buf_release(&suites->properties);
    free(suites->build_id);
    free(suites->hostname);
    free(suites);
}

void
junit_suites_set_run(struct junit_suites *suites, const char *build_id,
                     const char *hostname)
{
    free(suites->build_id);
    free(suites->hostname);
    suites->build_id = alloc_dup(build_id);
    suites->hostname = alloc_dup(hostname);
}

static void
add_property(struct buf *buf, const char *name, const char *value)
{
    if (value != NULL) {
        buf_add_text(buf, "<property");
        junit_case_attribute(buf, "name", slice_of(name));
        junit_case_attribute(buf, "value", slice_of(value));
        buf_add_text(buf, "/>");
    }
}

void
junit_suites_set_collected(struct junit_suites *suites,
                           const struct event_collected *collected)
{
    struct buf *buf = &suites->properties;

    buf_reset(buf);
    add_property(buf, "seed", collected->seed);
    add_property(buf, "shard", collected->shard);
    add_property(buf, "selection", collected->selection);
    add_property(buf, "durations", collected->durations);
}

// Marks the item; false when it was there already.
static bool
mark(struct junit_suites *suites, uint32_t number)
{
    size_t word = number / 64;
    uint64_t bit = UINT64_C(1) << number % 64;

    if (number >= MOST_ITEMS) {
        return true;
    }
    if (word >= suites->seen.count) {
        size_t count = alloc_grow(suites->seen.count, word + 1);
        suites->seen.words =
            alloc_resize(suites->seen.words, count, sizeof(uint64_t));
        for (size_t i = suites->seen.count; i < count; i++) {
            suites->seen.words[i] = 0;
        }
        suites->seen.count = count;
    }
    if ((suites->seen.words[word] & bit) != 0) {
        return false;
    }
    suites->seen.words[word] |= bit;
    return true;
}

static struct suite *
find_suite(struct junit_suites *suites, struct slice name)
{
    uintptr_t place = (uintptr_t)map_find(&suites->places, name);

    if (place == 0) {
        ARRAY_ADD_ZERO(&suites->all);
        ARRAY_LAST(&suites->all).name = slice_dup(name);
        place = suites->all.count;
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        map_set(&suites->places, name, (void *)place);
    }
    return &suites->all.items[place - 1];
}

static uint64_t
spool_size(const struct junit_suites *suites)
{
    return suites->spool.written + suites->spool.buf.len;
}

static bool
spool_failed(struct junit_suites *suites, struct err *err)
{
    *err = suites->spool.err;
    return err_wrap(err, "keeping a test that ended");
}

static bool
add_test(struct junit_suites *suites, const struct event_test *test,
         const struct event *event, struct err *err)
{
    struct junit_name name = junit_case_name(test->id, test->job);
    struct suite *suite = find_suite(suites, name.classname);
    struct junit_counts counts = junit_case_count(test);
    uint64_t offset = spool_size(suites);
    int64_t began_ms = event->wall_ms;

    if (test->outcome->state != STATE_NOT_RUN) {
        int64_t ago_us = (int64_t)event->us - (int64_t)test->began_us;
        began_ms -= ago_us / 1000;
    }
    struct attempts attempts = attempts_take(&suites->attempts, test);
    junit_case_write(&suites->spool, &name, test, &attempts, began_ms);
    attempts_free(&attempts);
    uint64_t len = spool_size(suites) - offset;
    if (suite->tests == 0 || began_ms < suite->began_ms) {
        suite->began_ms = began_ms;
    }
    suite->tests++;
    suite->us += test->us;
    suite->counts.failures += counts.failures;
    suite->counts.errors += counts.errors;
    suite->counts.skipped += counts.skipped;
    struct extent *last =
        suite->extents.count > 0 ? &ARRAY_LAST(&suite->extents) : NULL;
    if (last != NULL && last->offset + last->len == offset) {
        last->len += len;
    } else {
        struct extent extent = {offset, len};
        ARRAY_ADD(&suite->extents, extent);
    }
    return writer_relieve(&suites->spool) || spool_failed(suites, err);
}

bool
junit_suites_add(struct junit_suites *suites, const struct event *event,
                 struct err *err)
{
    return !mark(suites, event->test.number) ||
           add_test(suites, &event->test, event, err);
}

void
junit_suites_add_attempt(struct junit_suites *suites,
                         const struct event_test *test)
{
    attempts_add(&suites->attempts, test);
}

bool
junit_suites_add_script(struct junit_suites *suites, const struct event *event,
                        struct err *err)
{
    const struct event_script *script = &event->script;
    char *suite = alloc_printf("@%s-script", script->name);
    const struct outcome outcome = {
        .state = STATE_ERROR,
        .reason = slice_of(script->problem),
        .out = script->out,
    };
    const struct event_test test = {
        .id = script->workspace,
        .job = suite,
        .file = "",
        .slot = -1,
        .attempt = 1,
        .began_us = event->us > script->us ? event->us - script->us : 0,
        .us = script->us,
        .outcome = &outcome,
    };
    bool ok = add_test(suites, &test, event, err);

    free(suite);
    return ok;
}

bool
junit_suites_are_kept(struct junit_suites *suites, struct err *err)
{
    return writer_flush(&suites->spool) || spool_failed(suites, err);
}

size_t
junit_suites_count(const struct junit_suites *suites)
{
    return suites->all.count;
}

const char *
junit_suites_name(const struct junit_suites *suites, size_t place)
{
    return suites->all.items[place].name;
}

uint64_t
junit_suites_us(const struct junit_suites *suites, size_t place)
{
    return suites->all.items[place].us;
}

static void
add_counts(struct buf *buf, uint32_t tests, const struct junit_counts *counts,
           uint64_t us, int64_t began_ms)
{
    char began[NOW_ISO8601_SIZE];

    now_iso8601(began_ms * 1000, began);
    buf_addf(buf,
             " tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"%" PRIu32
             "\" skipped=\"%" PRIu32 "\" time=\"",
             tests, counts->failures, counts->errors, counts->skipped);
    junit_case_seconds(buf, us);
    buf_addf(buf, "\" timestamp=\"%s\"", began);
}

static bool
copy_extent(const struct junit_suites *suites, struct extent extent,
            struct writer *out)
{
    while (extent.len > 0) {
        size_t room = 0;
        size_t want = extent.len < COPY_SIZE ? (size_t)extent.len : COPY_SIZE;
        char *place = buf_room(&out->buf, want, &room);
        ssize_t len = pread(suites->spool.fd, place, room < want ? room : want,
                            (off_t)extent.offset);
        if (len <= 0) {
            return err_set_errno(&out->err, ERR_SYSTEM, len < 0 ? errno : EIO,
                                 "read of tests that have ended");
        }
        buf_grew(&out->buf, (size_t)len);
        extent.offset += (uint64_t)len;
        extent.len -= (uint64_t)len;
        if (!writer_relieve(out)) {
            return false;
        }
    }
    return true;
}

static bool
write_suite(const struct junit_suites *suites, size_t place, struct writer *out)
{
    const struct suite *suite = &suites->all.items[place];
    struct buf *buf = &out->buf;

    buf_add_text(buf, "<testsuite");
    junit_case_attribute(buf, "name", slice_of(suite->name));
    buf_add_text(buf, " package=\"\"");
    buf_addf(buf, " id=\"%zu\"", place);
    junit_case_attribute(buf, "hostname", slice_of(suites->hostname));
    add_counts(buf, suite->tests, &suite->counts, suite->us, suite->began_ms);
    buf_add_text(buf, " disabled=\"0\">\n<properties><property name=\"build\"");
    junit_case_attribute(buf, "value", slice_of(suites->build_id));
    buf_add_text(buf, "/>");
    buf_add_slice(buf, buf_slice(&suites->properties));
    buf_add_text(buf, "</properties>\n");
    for (size_t i = 0; i < suite->extents.count; i++) {
        if (!copy_extent(suites, suite->extents.items[i], out)) {
            return false;
        }
    }
    return buf_add_text(buf, "</testsuite>\n");
}

bool
junit_suites_write(const struct junit_suites *suites, size_t first, size_t last,
                   uint64_t us, int64_t began_ms, struct writer *out)
{
    struct junit_counts counts = {0};
    uint32_t tests = 0;

    for (size_t i = first; i < last; i++) {
        const struct suite *suite = &suites->all.items[i];
        tests += suite->tests;
        counts.failures += suite->counts.failures;
        counts.errors += suite->counts.errors;
        counts.skipped += suite->counts.skipped;
        began_ms = suite->began_ms < began_ms ? suite->began_ms : began_ms;
    }
    buf_add_text(&out->buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                            "<testsuites name=\"mule\"");
    add_counts(&out->buf, tests, &counts, us, began_ms);
    buf_add_text(&out->buf, ">\n");
    for (size_t i = first; i < last; i++) {
        if (!write_suite(suites, i, out)) {
            return false;
        }
    }
    buf_add_text(&out->buf, "</testsuites>\n");
    return writer_flush(out);
}
