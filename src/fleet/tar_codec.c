#include "fleet/tar_codec.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

// Where the fields of a block stand, and how long they are.
struct place {
    size_t at;
    size_t len;
};
static const struct place name_field = {0, 100};
static const struct place mode_field = {100, 8};
static const struct place uid_field = {108, 8};
static const struct place gid_field = {116, 8};
static const struct place size_field = {124, 12};
static const struct place mtime_field = {136, 12};
static const struct place sum_field = {148, 8};
static const struct place type_field = {156, 1};
static const struct place target_field = {157, 100};
static const struct place magic_field = {257, 8};
static const struct place prefix_field = {345, 155};

static const char magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};

// What fits into the size field.
#define SIZE_MAX_OCTAL UINT64_C(077777777777)

static unsigned
sum_of(const char *block)
{
    unsigned sum = 0;

    for (size_t i = 0; i < TAR_BLOCK; i++) {
        bool own = i >= sum_field.at && i < sum_field.at + sum_field.len;
        sum += own ? ' ' : (unsigned char)block[i];
    }
    return sum;
}

// ---------------------------------------------------------------- writing

static void
put_number(char *block, struct place place, uint64_t number)
{
    for (size_t i = place.len - 1; i > 0; i--) {
        block[place.at + i - 1] = (char)('0' + (number & 7));
        number >>= 3;
    }
}

static void
put_text(char *block, struct place place, struct slice text)
{
    memcpy(block + place.at, text.data != NULL ? text.data : "",
           slice_first(text, place.len).len);
}

static bool
add_block(struct buf *buf, const struct tar_entry *entry, char type)
{
    char block[TAR_BLOCK] = {0};

    put_text(block, name_field, entry->name);
    put_number(block, mode_field, entry->mode);
    put_number(block, uid_field, 0);
    put_number(block, gid_field, 0);
    put_number(block, size_field,
               entry->size <= SIZE_MAX_OCTAL ? entry->size : 0);
    put_number(block, mtime_field, 0);
    block[type_field.at] = type;
    put_text(block, target_field, entry->target);
    memcpy(block + magic_field.at, magic, sizeof(magic));
    put_number(block, sum_field, sum_of(block));
    return buf_add(buf, block, sizeof(block));
}

// "LEN KEY=VALUE\n", where LEN counts itself.
static void
add_record(struct buf *records, const char *key, struct slice value)
{
    size_t rest = strlen(key) + value.len + 3;
    size_t len = rest + 1;

    while (true) {
        size_t digits = 1;
        for (size_t left = len; left >= 10; left /= 10) {
            digits++;
        }
        if (rest + digits == len) {
            break;
        }
        len = rest + digits;
    }
    buf_addf(records, "%zu %s=", len, key);
    buf_add_slice(records, value);
    buf_add_char(records, '\n');
}

size_t
tar_padding(uint64_t size)
{
    return (size_t)(-size % TAR_BLOCK);
}

bool
tar_write(struct buf *buf, const struct tar_entry *entry)
{
    static const char types[] = {
        [TAR_FILE] = '0',
        [TAR_FOLDER] = '5',
        [TAR_LINK] = '2',
        [TAR_OTHER] = '?',
    };
    struct buf records = BUF_INIT(TAR_RECORDS_MAX);
    bool fits = true;

    if (entry->name.len > name_field.len) {
        add_record(&records, "path", entry->name);
    }
    if (entry->target.len > target_field.len) {
        add_record(&records, "linkpath", entry->target);
    }
    if (entry->size > SIZE_MAX_OCTAL) {
        char text[24];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)entry->size);
        add_record(&records, "size", slice_of(text));
    }
    if (records.len > 0) {
        struct tar_entry extra = {
            .mode = 0644, .size = records.len, .name = SLICE("pax")};
        fits = !records.overflowed && add_block(buf, &extra, 'x') &&
               buf_add_slice(buf, buf_slice(&records)) &&
               buf_add_repeat(buf, '\0', tar_padding(records.len));
    }
    buf_release(&records);
    return fits && add_block(buf, entry, types[entry->kind]);
}

bool
tar_write_end(struct buf *buf)
{
    return buf_add_repeat(buf, '\0', 2UL * TAR_BLOCK);
}

// ---------------------------------------------------------------- reading

// Octal digits, then blanks or NULs; nothing but these is 0.
static bool
get_number(const char *block, struct place place, uint64_t *number)
{
    const char *field = block + place.at;
    size_t i = 0;

    *number = 0;
    while (i < place.len && field[i] == ' ') {
        i++;
    }
    for (; i < place.len && field[i] >= '0' && field[i] <= '7'; i++) {
        *number = *number << 3 | (uint64_t)(field[i] - '0');
    }
    for (; i < place.len; i++) {
        if (field[i] != ' ' && field[i] != '\0') {
            return false;
        }
    }
    return true;
}

static struct slice
get_text(const char *block, struct place place)
{
    return slice_make(block + place.at, strnlen(block + place.at, place.len));
}

static bool
is_zero(const char *block)
{
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        if (block[i] != '\0') {
            return false;
        }
    }
    return true;
}

static bool
broken(struct err *err, const char *what)
{
    return err_set(err, ERR_PROTOCOL, "archive: %s", what);
}

static bool
check_block(const char *block, struct err *err)
{
    uint64_t sum = 0;

    if (memcmp(block + magic_field.at, magic, sizeof(magic)) != 0) {
        return broken(err, "this is no ustar");
    }
    if (!get_number(block, sum_field, &sum) || sum != sum_of(block)) {
        return broken(err, "the checksum of a header is wrong");
    }
    return true;
}

static struct slice
name_of(struct tar_reader *reader, const char *block)
{
    struct slice prefix = get_text(block, prefix_field);
    struct slice name = get_text(block, name_field);

    if (reader->name != NULL) {
        return slice_of(reader->name);
    }
    int len = prefix.len > 0
                  ? snprintf(reader->short_name, sizeof(reader->short_name),
                             "%.*s/%.*s", SLICE_ARG(prefix), SLICE_ARG(name))
                  : snprintf(reader->short_name, sizeof(reader->short_name),
                             "%.*s", SLICE_ARG(name));
    return slice_make(reader->short_name, (size_t)len);
}

static struct slice
target_of(struct tar_reader *reader, const char *block)
{
    if (reader->target != NULL) {
        return slice_of(reader->target);
    }
    int len = snprintf(reader->short_target, sizeof(reader->short_target),
                       "%.*s", SLICE_ARG(get_text(block, target_field)));
    return slice_make(reader->short_target, (size_t)len);
}

static enum tar_kind
kind_of(char type)
{
    switch (type) {
    case '0':
    case '\0':
        return TAR_FILE;
    case '5':
        return TAR_FOLDER;
    case '2':
        return TAR_LINK;
    default:
        return TAR_OTHER;
    }
}

static void
forget_records(struct tar_reader *reader)
{
    free(reader->name);
    free(reader->target);
    reader->name = reader->target = NULL;
    reader->has_size = reader->used = false;
}

enum tar_step
tar_read(struct tar_reader *reader, const char *block, struct tar_entry *entry,
         struct err *err)
{
    uint64_t mode = 0;

    if (reader->used) {
        forget_records(reader);
    }
    if (is_zero(block)) {
        return TAR_END;
    }
    *entry = (struct tar_entry){.type = block[type_field.at]};
    entry->kind = kind_of(entry->type);
    if (!check_block(block, err)) {
        return TAR_BROKEN;
    }
    if (!get_number(block, mode_field, &mode) ||
        !get_number(block, size_field, &entry->size)) {
        broken(err, "a number in a header is none");
        return TAR_BROKEN;
    }
    entry->mode = (uint32_t)mode;
    if (entry->type == 'x' || entry->type == 'g') {
        reader->global = entry->type == 'g';
        if (!reader->global) {
            forget_records(reader);
        }
        if (entry->size > TAR_RECORDS_MAX) {
            broken(err, "its records are too long");
            return TAR_BROKEN;
        }
        return TAR_RECORDS;
    }
    entry->name = name_of(reader, block);
    entry->target = target_of(reader, block);
    if (reader->has_size) {
        entry->size = reader->size;
    }
    reader->used = true;
    return TAR_ENTRY;
}

static bool
take_text(char **text, struct slice value, struct err *err)
{
    if (value.len > TAR_NAME_MAX || slice_has(value, '\0')) {
        return broken(err, "a name in its records is none");
    }
    free(*text);
    *text = slice_dup(value);
    return true;
}

static bool
take_record(struct tar_reader *reader, struct slice record, struct err *err)
{
    size_t equals = slice_find(record, '=');

    if (equals == record.len) {
        return broken(err, "a record has no value");
    }
    struct slice key = slice_first(record, equals);
    struct slice value = slice_skip(record, equals + 1);
    if (reader->global) {
        return true;
    }
    if (slice_equals_text(key, "path")) {
        return take_text(&reader->name, value, err);
    }
    if (slice_equals_text(key, "linkpath")) {
        return take_text(&reader->target, value, err);
    }
    if (slice_equals_text(key, "size")) {
        reader->has_size = slice_to_uint(value, INT64_MAX, &reader->size);
        return reader->has_size || broken(err, "a size in its records is none");
    }
    // A sparse file's name and data are not what they seem to be.
    if (slice_starts_with(key, SLICE("GNU.sparse"))) {
        return broken(err, "it has a sparse file");
    }
    return true;
}

bool
tar_read_records(struct tar_reader *reader, struct slice records,
                 struct err *err)
{
    while (records.len > 0) {
        size_t blank = slice_find(records, ' ');
        uint64_t len = 0;
        if (!slice_to_uint(slice_first(records, blank), records.len, &len) ||
            len < blank + 2 || records.data[len - 1] != '\n') {
            return broken(err, "a record has the wrong length");
        }
        struct slice record =
            slice_make(records.data + blank + 1, len - blank - 2);
        if (!take_record(reader, record, err)) {
            return false;
        }
        records = slice_skip(records, len);
    }
    return true;
}

void
tar_reader_release(struct tar_reader *reader)
{
    forget_records(reader);
}
