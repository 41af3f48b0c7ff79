#include "report/junit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/junit_case.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"
#include "util/now.h"
#include "util/path.h"

#define MOST_NAME 120   // bytes of a class's name in the name of its file
#define COPY_SIZE 65536 // bytes copied out of the spool at a time
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

struct junit {
    struct event_sink sink; // first
    char *target;
    bool folder;
    char *build_id;
    char *hostname;
    struct writer spool;
    ARRAY(struct suite) suites; // in the order in which they were met
    struct map places;          // name -> place in `suites` + 1
    struct {
        uint64_t *words;
        size_t count;
    } seen; // a bit for each item that is in the spool
    struct {
        uint64_t us;
        int64_t wall_ms;
    } last; // event
    bool done;
};

static struct junit *
junit_of(struct event_sink *sink)
{
    return (struct junit *)(void *)sink;
}

// Marks the item; false when it was there already.
static bool
mark(struct junit *junit, uint32_t number)
{
    size_t word = number / 64;
    uint64_t bit = UINT64_C(1) << number % 64;

    if (number >= MOST_ITEMS) {
        return true;
    }
    if (word >= junit->seen.count) {
        size_t count = alloc_grow(junit->seen.count, word + 1);
        junit->seen.words =
            alloc_resize(junit->seen.words, count, sizeof(uint64_t));
        for (size_t i = junit->seen.count; i < count; i++) {
            junit->seen.words[i] = 0;
        }
        junit->seen.count = count;
    }
    if ((junit->seen.words[word] & bit) != 0) {
        return false;
    }
    junit->seen.words[word] |= bit;
    return true;
}

static struct suite *
find_suite(struct junit *junit, struct slice name)
{
    uintptr_t place = (uintptr_t)map_find(&junit->places, name);

    if (place == 0) {
        ARRAY_ADD_ZERO(&junit->suites);
        ARRAY_LAST(&junit->suites).name = slice_dup(name);
        place = junit->suites.count;
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        map_set(&junit->places, name, (void *)place);
    }
    return &junit->suites.items[place - 1];
}

static uint64_t
spool_size(const struct junit *junit)
{
    return junit->spool.written + junit->spool.buf.len;
}

static bool
spool_failed(struct junit *junit, struct err *err)
{
    *err = junit->spool.err;
    return err_wrap(err, "file beside %s for tests that have ended",
                    junit->target);
}

static bool
add_test(struct junit *junit, const struct event_test *test,
         const struct event *event, struct err *err)
{
    struct junit_name name = junit_case_name(test->id, test->job);
    struct suite *suite = find_suite(junit, name.classname);
    struct junit_counts counts = junit_case_count(test->outcome);
    uint64_t offset = spool_size(junit);
    int64_t ago_us = (int64_t)event->us - (int64_t)test->began_us;
    int64_t began_ms = event->wall_ms - ago_us / 1000;

    junit_case_write(&junit->spool, &name, test, began_ms);
    uint64_t len = spool_size(junit) - offset;
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
    return writer_relieve(&junit->spool) || spool_failed(junit, err);
}

// A script that failed is nobody's test, but a CI server should show it.
static bool
add_script(struct junit *junit, const struct event *event, struct err *err)
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
    bool ok = add_test(junit, &test, event, err);

    free(suite);
    return ok;
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
copy_extent(const struct junit *junit, struct extent extent, struct writer *out)
{
    while (extent.len > 0) {
        size_t room = 0;
        size_t want = extent.len < COPY_SIZE ? (size_t)extent.len : COPY_SIZE;
        char *place = buf_room(&out->buf, want, &room);
        ssize_t len = pread(junit->spool.fd, place, room < want ? room : want,
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
write_suite(const struct junit *junit, size_t place, struct writer *out)
{
    const struct suite *suite = &junit->suites.items[place];
    struct buf *buf = &out->buf;

    buf_add_text(buf, "<testsuite");
    junit_case_attribute(buf, "name", slice_of(suite->name));
    buf_add_text(buf, " package=\"\"");
    buf_addf(buf, " id=\"%zu\"", place);
    junit_case_attribute(buf, "hostname", slice_of(junit->hostname));
    add_counts(buf, suite->tests, &suite->counts, suite->us, suite->began_ms);
    buf_add_text(buf, " disabled=\"0\">\n<properties><property name=\"build\"");
    junit_case_attribute(buf, "value", slice_of(junit->build_id));
    buf_add_text(buf, "/></properties>\n");
    for (size_t i = 0; i < suite->extents.count; i++) {
        if (!copy_extent(junit, suite->extents.items[i], out)) {
            return false;
        }
    }
    return buf_add_text(buf, "</testsuite>\n");
}

// A document with the suites from `first` to `last`; `us` is what it says
// about its time.
static bool
write_suites(const struct junit *junit, size_t first, size_t last, uint64_t us,
             struct writer *out)
{
    struct junit_counts counts = {0};
    int64_t began_ms = junit->last.wall_ms;
    uint32_t tests = 0;

    for (size_t i = first; i < last; i++) {
        const struct suite *suite = &junit->suites.items[i];
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
        if (!write_suite(junit, i, out)) {
            return false;
        }
    }
    buf_add_text(&out->buf, "</testsuites>\n");
    return writer_flush(out);
}

static bool
write_document(const struct junit *junit, const char *path, size_t first,
               size_t last, struct err *err)
{
    struct path_writer file;
    struct writer out;
    uint64_t us =
        junit->folder ? junit->suites.items[first].us : junit->last.us;

    if (!path_writer_open(&file, path, err)) {
        return false;
    }
    writer_init(&out, fileno(file.file));
    bool ok = write_suites(junit, first, last, us, &out);
    writer_release(&out);
    if (!ok) {
        *err = out.err;
        path_writer_abort(&file);
        return err_wrap(err, "writing %s", path);
    }
    return path_writer_commit(&file, err);
}

static bool
is_plain(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' ||
           byte == '-';
}

// "TEST-pkg.Class.xml"; a name that had to be changed for the file system
// ends in a hash of the true one. To be freed.
static char *
file_name(const char *name)
{
    struct slice text = slice_of(name);
    struct buf safe = BUF_INIT(MOST_NAME + 64);
    bool changed = text.len == 0 || text.len > MOST_NAME;

    buf_add_text(&safe, "TEST-");
    for (size_t i = 0; i < text.len && i < MOST_NAME; i++) {
        char byte = '_';
        if (is_plain(text.data[i])) {
            byte = text.data[i];
        } else {
            changed = true;
        }
        buf_add_char(&safe, byte);
    }
    if (changed) {
        buf_addf(&safe, "-%016" PRIx64, map_hash(text));
    }
    buf_add_text(&safe, ".xml");
    return buf_take(&safe);
}

// Writes as many as can be written; err is about the first one that cannot.
static bool
write_folder(const struct junit *junit, struct err *err)
{
    for (size_t i = 0; i < junit->suites.count; i++) {
        struct err failure = {0};
        char *name = file_name(junit->suites.items[i].name);
        char *path = path_join(junit->target, name);
        if (!write_document(junit, path, i, i + 1, &failure) &&
            !err_is_set(err)) {
            *err = failure;
        }
        free(path);
        free(name);
    }
    return !err_is_set(err);
}

static bool
write_all(struct junit *junit, struct err *err)
{
    junit->done = true;
    if (!writer_flush(&junit->spool)) {
        return spool_failed(junit, err);
    }
    if (junit->folder) {
        return write_folder(junit, err);
    }
    return write_document(junit, junit->target, 0, junit->suites.count, err);
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct junit *junit = junit_of(sink);

    junit->last.us = event->us;
    junit->last.wall_ms = event->wall_ms;
    if (event->kind == EVENT_RUN_STARTED) {
        free(junit->build_id);
        free(junit->hostname);
        junit->build_id = alloc_dup(event->run.build_id);
        junit->hostname = alloc_dup(event->run.hostname);
    } else if (event->kind == EVENT_TEST_FINISHED) {
        return !mark(junit, event->test.number) ||
               add_test(junit, &event->test, event, err);
    } else if (event->kind == EVENT_SCRIPT_FINISHED && !event->script.ok) {
        return add_script(junit, event, err);
    } else if (event->kind == EVENT_RUN_FINISHED) {
        return write_all(junit, err);
    }
    return true;
}

static void
junit_free(struct event_sink *sink)
{
    struct junit *junit = junit_of(sink);
    struct err err = {0};

    if (!junit->done && junit->suites.count > 0 &&
        !err_is_set(&junit->spool.err)) {
        // The run broke off; nobody is left to hear of an error.
        write_all(junit, &err);
    }
    for (size_t i = 0; i < junit->suites.count; i++) {
        free(junit->suites.items[i].name);
        ARRAY_RELEASE(&junit->suites.items[i].extents);
    }
    ARRAY_RELEASE(&junit->suites);
    map_release(&junit->places);
    close(junit->spool.fd);
    writer_release(&junit->spool);
    free(junit->seen.words);
    free(junit->target);
    free(junit->build_id);
    free(junit->hostname);
    free(junit);
}

static const struct event_sink_ops junit_ops = {
    .name = "the JUnit report",
    .on_event = on_event,
    .free = junit_free,
};

// A file without a name in the folder where the reports will be: where it
// fits, they fit.
static int
open_spool(const char *folder, struct err *err)
{
    char *path = path_join(folder, ".mule-spool-XXXXXX");
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "folder %s", folder);
    } else {
        unlink(path);
    }
    free(path);
    return fd;
}

static bool
check_target(const char *target, const char *folder, bool is_folder,
             struct err *err)
{
    if (!is_folder && path_is_folder(target)) {
        return err_set(err, ERR_USAGE, "%s is a folder", target);
    }
    return path_check_writable(folder, err);
}

struct event_sink *
junit_new(const char *target, struct err *err)
{
    bool is_folder = !slice_ends_with(slice_of(target), SLICE(".xml"));
    char *folder = is_folder ? alloc_dup(target) : path_folder(target);
    int fd = -1;

    if (check_target(target, folder, is_folder, err)) {
        fd = open_spool(folder, err);
    }
    free(folder);
    if (fd < 0) {
        err_wrap(err, "JUnit report");
        err_hint(err, "pass --xunit-output a folder, or a FILE.xml in one, "
                      "that you may write to");
        return NULL;
    }
    struct junit *junit = ALLOC(struct junit);
    junit->sink.ops = &junit_ops;
    junit->target = alloc_dup(target);
    junit->folder = is_folder;
    junit->build_id = alloc_dup("");
    junit->hostname = alloc_dup("");
    writer_init(&junit->spool, fd);
    map_init(&junit->places, MAP_COPIES_KEYS);
    return &junit->sink;
}
