#include "fleet/census.h"

#include "util/alloc.h"
#include "util/array.h"
#include "util/escape.h"
#include "util/field.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum census_role {
    ROLE_STRANGER,
    ROLE_WORKER,
    ROLE_COORDINATOR
};

struct entry {
    char *node;
    enum census_role role;
    json_t *facts; // what it said; NULL of a stranger
};

struct census {
    ARRAY(struct entry) entries;
};

struct census *
census_new(void)
{
    return ALLOC(struct census);
}

static void
entry_release(struct entry *entry)
{
    free(entry->node);
    json_decref(entry->facts);
}

void
census_free(struct census *census)
{
    if (census == NULL) {
        return;
    }
    for (size_t i = 0; i < census->entries.count; i++) {
        entry_release(&census->entries.items[i]);
    }
    ARRAY_RELEASE(&census->entries);
    free(census);
}

// ------------------------------------------------------------ what was said

static struct slice
text_of(const json_t *facts, const char *name)
{
    struct slice text = SLICE("");
    struct err err = {0};
    field_text_optional(facts, name, &text, &err);
    return text;
}

static int64_t
number_of(const json_t *facts, const char *name)
{
    int64_t number = 0;
    struct err err = {0};
    const struct field_range range = {.min = 0, .max = INT64_MAX};
    field_int_optional(facts, name, range, &number, &err);
    return number;
}

static enum census_role
role_of(const json_t *facts)
{
    struct slice role = text_of(facts, "role");
    if (slice_equals_text(role, "worker")) {
        return ROLE_WORKER;
    }
    if (slice_equals_text(role, "coordinator")) {
        return ROLE_COORDINATOR;
    }
    return ROLE_STRANGER;
}

static struct entry *
find_entry(struct census *census, struct slice node)
{
    for (size_t i = 0; i < census->entries.count; i++) {
        if (slice_equals_text(node, census->entries.items[i].node)) {
            return &census->entries.items[i];
        }
    }
    return NULL;
}

bool
census_add(struct census *census, struct slice node, const json_t *value)
{
    const json_t *facts = json_object_get(value, "ok");
    struct entry entry = {
        .node = slice_dup(node),
        .role = json_is_object(facts) ? role_of(facts) : ROLE_STRANGER,
    };
    if (entry.role != ROLE_STRANGER) {
        entry.facts = json_deep_copy(facts);
    }
    struct entry *old = find_entry(census, node);
    if (old != NULL) {
        entry_release(old);
        *old = entry;
    } else {
        ARRAY_ADD(&census->entries, entry);
    }
    return entry.role != ROLE_STRANGER;
}

static size_t
count_role(const struct census *census, enum census_role role)
{
    size_t count = 0;
    for (size_t i = 0; i < census->entries.count; i++) {
        count += census->entries.items[i].role == role;
    }
    return count;
}

size_t
census_workers(const struct census *census)
{
    return count_role(census, ROLE_WORKER);
}

size_t
census_coordinators(const struct census *census)
{
    return count_role(census, ROLE_COORDINATOR);
}

size_t
census_strangers(const struct census *census)
{
    return count_role(census, ROLE_STRANGER);
}

// --------------------------------------------------------------- for people

static int
compare_entries(const void *a, const void *b)
{
    const struct entry *left = *(const struct entry *const *)a;
    const struct entry *right = *(const struct entry *const *)b;
    return strcmp(left->node, right->node);
}

/* The entries of a role by name; to be freed. */
static const struct entry **
sorted(const struct census *census, enum census_role role, size_t *count)
{
    const struct entry **list =
        alloc_zero(census->entries.count + 1, sizeof(*list));
    *count = 0;
    for (size_t i = 0; i < census->entries.count; i++) {
        if (census->entries.items[i].role == role) {
            list[(*count)++] = &census->entries.items[i];
        }
    }
    qsort(list, *count, sizeof(*list), compare_entries);
    return list;
}

static void
add_text(struct buf *buf, struct slice text)
{
    escape_terminal(buf, text, ESCAPE_ONE_LINE);
}

static void
add_field(struct buf *buf, const char *before, struct slice text)
{
    if (text.len > 0) {
        buf_add_text(buf, before);
        add_text(buf, text);
    }
}

static void
add_time(struct buf *buf, int64_t ms)
{
    if (ms < 60000) {
        buf_addf(buf, "%.1f s", (double)ms / 1000);
    } else {
        buf_addf(buf, "%" PRId64 " min %" PRId64 " s", ms / 60000,
                 ms / 1000 % 60);
    }
}

static void
add_coordinator(struct buf *buf, const struct entry *entry)
{
    const json_t *facts = entry->facts;
    buf_add_text(buf, "build ");
    add_text(buf, text_of(facts, "build"));
    add_field(buf, ": ", text_of(facts, "state"));
    buf_add_text(buf, " for ");
    add_time(buf, number_of(facts, "since_ms"));
    add_field(buf, ", at ", text_of(facts, "host"));
    buf_addf(buf,
             "\n  %" PRId64 " of %" PRId64 " items finished, %" PRId64
             " jobs wait; %" PRId64 " workers with %" PRId64 " slots",
             number_of(facts, "finished"), number_of(facts, "selected"),
             number_of(facts, "waiting"), number_of(facts, "workers"),
             number_of(facts, "slots"));
    int64_t wanted = number_of(facts, "wanted");
    if (wanted > 0) {
        buf_addf(buf, ", %" PRId64 " more wanted", wanted);
        add_field(buf, " from queue ", text_of(facts, "queue"));
    }
    buf_add_char(buf, '\n');
}

static void
add_running(struct buf *buf, const json_t *facts)
{
    size_t index;
    json_t *job;
    json_array_foreach(json_object_get(facts, "running"), index, job)
    {
        buf_addf(buf, "    slot %" PRId64 "  ", number_of(job, "slot"));
        add_time(buf, number_of(job, "ms"));
        buf_add_text(buf, "  ");
        add_text(buf, text_of(job, "job"));
        if (number_of(job, "attempt") > 1) {
            buf_addf(buf, " (attempt %" PRId64 ")", number_of(job, "attempt"));
        }
        buf_add_char(buf, '\n');
    }
}

static void
add_worker(struct buf *buf, const struct entry *entry)
{
    const json_t *facts = entry->facts;
    buf_add_text(buf, "  ");
    add_text(buf, slice_of(entry->node));
    add_field(buf, "  ", text_of(facts, "state"));
    add_field(buf, " build ", text_of(facts, "build"));
    buf_add_text(buf, " for ");
    add_time(buf, number_of(facts, "since_ms"));
    buf_addf(buf, ", %" PRId64 " slots", number_of(facts, "slots"));
    add_field(buf, ", queue ", text_of(facts, "queue"));
    add_field(buf, ", ", text_of(facts, "kind"));
    add_field(buf, ", mule ", text_of(facts, "program"));
    int64_t held = number_of(facts, "held");
    if (held > 0) {
        buf_addf(buf, ", %" PRId64 " jobs held", held);
    }
    buf_add_char(buf, '\n');
    add_running(buf, facts);
}

void
census_write_text(const struct census *census, struct buf *buf)
{
    size_t count;
    const struct entry **list = sorted(census, ROLE_COORDINATOR, &count);
    for (size_t i = 0; i < count; i++) {
        add_coordinator(buf, list[i]);
    }
    free(list);
    list = sorted(census, ROLE_WORKER, &count);
    buf_addf(buf, "%zu %s\n", count, count == 1 ? "worker" : "workers");
    for (size_t i = 0; i < count; i++) {
        add_worker(buf, list[i]);
    }
    free(list);
    list = sorted(census, ROLE_STRANGER, &count);
    if (count > 0) {
        buf_addf(buf, "%zu Celery %s without mule:", count,
                 count == 1 ? "node" : "nodes");
        for (size_t i = 0; i < count; i++) {
            buf_add_char(buf, ' ');
            add_text(buf, slice_of(list[i]->node));
        }
        buf_add_char(buf, '\n');
    }
    free(list);
}

// ------------------------------------------------------------- for programs

static json_t *
list_of(const struct census *census, enum census_role role)
{
    json_t *result = json_array();
    size_t count;
    const struct entry **list = sorted(census, role, &count);
    for (size_t i = 0; i < count; i++) {
        json_t *value =
            list[i]->facts != NULL ? json_copy(list[i]->facts) : json_object();
        json_object_set_new(value, "node", json_string(list[i]->node));
        json_array_append_new(result, value);
    }
    free(list);
    return result;
}

void
census_write_json(const struct census *census, struct buf *buf)
{
    json_t *all = json_object();
    json_object_set_new(all, "builds", list_of(census, ROLE_COORDINATOR));
    json_object_set_new(all, "workers", list_of(census, ROLE_WORKER));
    json_object_set_new(all, "others", list_of(census, ROLE_STRANGER));
    char *text = json_dumps(all, JSON_COMPACT);
    buf_add_text(buf, text != NULL ? text : "{}");
    buf_add_char(buf, '\n');
    free(text);
    json_decref(all);
}
