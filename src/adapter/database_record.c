#include "adapter/database_record.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/field.h"
#include "util/json_text.h"
#include "util/map.h"

// A line of a file is made of ASCII, and of a few texts.
#define LINE_MAX_BYTES ((size_t)1 << 20)

/* What was created, by server and name; its place in `left` as value. */
struct reading {
    struct database_record *record;
    struct map places;
    struct buf key;
};

static bool
take_text(const json_t *object, const char *name, char **text, struct err *err)
{
    struct slice value = {0};

    if (!field_text(object, name, &value, err)) {
        return false;
    }
    *text = slice_dup(value);
    return true;
}

static bool
take_header(struct database_record *record, const json_t *root, struct err *err)
{
    static const struct field_range any = {0, INT64_MAX};
    struct slice kind = {0};
    int64_t version = 0;

    if (!field_text(root, "mule", &kind, err) ||
        !field_int(root, "version", any, &version, err)) {
        return false;
    }
    if (!slice_equals(kind, SLICE("databases")) ||
        version != DATABASE_RECORD_VERSION) {
        return err_set(err, ERR_PROTOCOL, "it is of another kind or version");
    }
    return take_text(root, "build", &record->build, err) &&
           take_text(root, "host", &record->host, err) &&
           take_text(root, "boot", &record->boot, err) &&
           field_int(root, "pid", any, &record->pid, err);
}

static struct slice
key_of(struct reading *reading, struct slice server, struct slice name)
{
    buf_reset(&reading->key);
    buf_addf(&reading->key, "%zu ", server.len);
    buf_add_slice(&reading->key, server);
    buf_add_slice(&reading->key, name);
    return buf_slice(&reading->key);
}

static void
create(struct reading *reading, struct slice server, struct slice name)
{
    struct database_record *record = reading->record;
    struct slice key = key_of(reading, server, name);

    if (reading->key.overflowed || map_find(&reading->places, key) != NULL ||
        record->left.count >= DATABASE_RECORD_NAMES) {
        return;
    }
    struct database_left left = {slice_dup(server), slice_dup(name)};
    size_t *place = ALLOC(size_t);
    *place = record->left.count;
    ARRAY_ADD(&record->left, left);
    map_set(&reading->places, key, place);
}

static void
release_left(struct database_left *left)
{
    free(left->server);
    free(left->name);
    *left = (struct database_left){0};
}

static void
drop(struct reading *reading, struct slice server, struct slice name)
{
    struct slice key = key_of(reading, server, name);
    size_t *place = map_remove(&reading->places, key);

    if (place != NULL) {
        release_left(&reading->record->left.items[*place]);
        free(place);
    }
}

static void
forget_places(struct reading *reading)
{
    size_t at = 0;
    const struct map_entry *entry = NULL;

    while ((entry = map_next(&reading->places, &at)) != NULL) {
        free(entry->value);
    }
    map_release(&reading->places);
}

static void
take_line(struct reading *reading, struct slice line)
{
    struct err ignored = {0};
    struct slice server = {0};
    struct slice name = {0};

    if (line.len == 0 || line.len > LINE_MAX_BYTES) {
        return;
    }
    json_t *root = json_text_parse_object(line, &ignored);
    if (root != NULL && field_text(root, "server", &server, &ignored)) {
        if (field_text(root, "create", &name, &ignored)) {
            create(reading, server, name);
        } else {
            err_clear(&ignored);
            if (field_text(root, "drop", &name, &ignored)) {
                drop(reading, server, name);
            }
        }
    }
    json_decref(root);
}

/* Takes out the places of what was dropped. */
static void
close_gaps(struct database_record *record)
{
    size_t kept = 0;

    for (size_t i = 0; i < record->left.count; i++) {
        if (record->left.items[i].name != NULL) {
            record->left.items[kept++] = record->left.items[i];
        }
    }
    record->left.count = kept;
}

bool
database_record_parse(struct database_record *record, struct slice text,
                      struct err *err)
{
    struct reading reading = {.record = record,
                              .key = BUF_INIT(3 * LINE_MAX_BYTES)};
    struct slice line = {0};

    slice_split(&text, '\n', &line);
    json_t *root =
        json_text_parse_object(slice_first(line, LINE_MAX_BYTES), err);
    bool fine = root != NULL && take_header(record, root, err);
    json_decref(root);
    while (fine && slice_split(&text, '\n', &line)) {
        take_line(&reading, line);
    }
    forget_places(&reading);
    buf_release(&reading.key);
    close_gaps(record);
    return fine;
}

void
database_record_release(struct database_record *record)
{
    for (size_t i = 0; i < record->left.count; i++) {
        release_left(&record->left.items[i]);
    }
    ARRAY_RELEASE(&record->left);
    free(record->build);
    free(record->host);
    free(record->boot);
    *record = (struct database_record){0};
}
