#include "report/html_internal.h"

#include "report/page_bytes.h"
#include "util/compose.h"
#include "util/map.h"

enum {
    MANY_BYTES = 1 << 16,
};

// Members on their way to the page, where nothing may look like a tag.
struct data {
    struct writer *out;
    struct buf buf;
};

// In JSON these stand in texts only, where they may be escaped.
static void
add_safe(struct buf *buf, struct slice json)
{
    static const char separator[] = "\xe2\x80";
    size_t start = 0;

    for (size_t i = 0; i < json.len; i++) {
        unsigned char byte = (unsigned char)json.data[i];
        bool line = byte == 0xe2 && i + 2 < json.len &&
                    json.data[i + 1] == separator[1] &&
                    ((unsigned char)json.data[i + 2] | 1) == 0xa9;
        if (byte != '<' && byte != '>' && byte != '&' && !line) {
            continue;
        }
        buf_add(buf, json.data + start, i - start);
        if (line) {
            i += 2;
            buf_addf(buf, "\\u20%02x", (unsigned char)json.data[i] - 0x80U);
        } else {
            buf_addf(buf, "\\u%04x", byte);
        }
        start = i + 1;
    }
    buf_add(buf, json.data + start, json.len - start);
}

static void
drain(struct data *data)
{
    char last = '{';

    if (data->buf.len == 0) {
        return;
    }
    // What follows has to see whether a comma is due.
    last = data->buf.data[data->buf.len - 1];
    add_safe(&data->out->buf, slice_make(data->buf.data, data->buf.len - 1));
    buf_reset(&data->buf);
    buf_add_char(&data->buf, last);
    writer_relieve(data->out);
}

static void
relieve(struct data *data)
{
    if (data->buf.len > MANY_BYTES) {
        drain(data);
    }
}

static void
add_list(struct data *data, const char *key, const struct buf *elements)
{
    compose_list(&data->buf, key);
    buf_add_slice(&data->buf, buf_slice(elements));
    buf_add_char(&data->buf, ']');
    drain(data);
}

static void
add_run(struct data *data, const struct picture *picture)
{
    compose_open(&data->buf, "run");
    buf_add_slice(&data->buf, buf_slice(&picture->run));
    buf_add_char(&data->buf, '}');
    compose_open(&data->buf, "end");
    if (picture->end.len > 0) {
        buf_add_slice(&data->buf, buf_slice(&picture->end));
    } else {
        compose_some_bool(&data->buf, "cut", true);
        compose_uint(&data->buf, "us", picture->last_us);
    }
    buf_add_char(&data->buf, '}');
}

static void
add_tally(struct data *data, const struct tally *tally)
{
    struct buf *buf = &data->buf;

    compose_open(buf, "tally");
    compose_uint(buf, "selected", tally->selected);
    compose_open(buf, "states");
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        compose_some_uint(buf, state_name((enum state)i), tally->states[i]);
    }
    buf_add_char(buf, '}');
    compose_uint(buf, "ran", tally->ran);
    compose_uint(buf, "failures", tally->failures);
    compose_uint(buf, "errors", tally->errors);
    compose_some_uint(buf, "flaky", tally->flaky);
    compose_some_uint(buf, "quarantined", tally->quarantined);
    compose_some_uint(buf, "excused", tally->excused);
    compose_some_uint(buf, "retried", tally->retried);
    compose_some_uint(buf, "late", tally->late);
    compose_some_uint(buf, "leaks", tally->leaks);
    buf_add_char(buf, '}');
}

static void
add_lanes(struct data *data, const struct picture *picture)
{
    bool cells = !rows_are_all(picture->rows);

    compose_uint(&data->buf, "cell_us", lanes_cell_us(picture->lanes));
    compose_list(&data->buf, "lanes");
    for (uint32_t i = 0; i < lanes_count(picture->lanes); i++) {
        lanes_write(picture->lanes, i, cells, &data->buf);
        relieve(data);
    }
    buf_add_char(&data->buf, ']');
}

// Texts that occur again and again, each written once.
struct names {
    struct map places; // -> place + 1
    size_t count;
};

// The place of a text, which is written to `list` when it is new.
static size_t
names_place(struct names *names, const char *text, struct buf *list)
{
    struct slice key = slice_of(text);
    size_t place = (size_t)(uintptr_t)map_find(&names->places, key);

    if (place == 0) {
        place = ++names->count;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
        map_set(&names->places, key, (void *)(uintptr_t)place);
        compose_element(list, key);
    }
    return place - 1;
}

// One column of the rows.
enum column {
    COLUMN_ITEM,
    COLUMN_LINE,
    COLUMN_LANE,
    COLUMN_PROCESS,
    COLUMN_BEGAN,
    COLUMN_US,
    COLUMN_TRIES,
    COLUMN_COUNT
};

static uint64_t
column_value(const struct row *row, enum column column)
{
    switch (column) {
    case COLUMN_ITEM:
        return row->item;
    case COLUMN_LINE:
        return row->line;
    case COLUMN_LANE:
        return row->lane != LANE_NONE ? (uint64_t)row->lane + 1 : 0;
    case COLUMN_PROCESS:
        return row->process;
    case COLUMN_BEGAN:
        return row->began_us;
    case COLUMN_US:
        return row->us;
    case COLUMN_TRIES:
        return row->tries > 1 ? (uint64_t)row->tries : 1;
    case COLUMN_COUNT:
        break;
    }
    return 0;
}

static void
add_columns(struct data *data, const struct rows *rows)
{
    static const char *const keys[COLUMN_COUNT] = {
        "item", "line", "lane", "process", "began", "us", "tries"};

    for (int column = 0; column < COLUMN_COUNT; column++) {
        compose_list(&data->buf, keys[column]);
        for (size_t i = 0; i < rows_count(rows); i++) {
            compose_number(&data->buf, column_value(rows_get(rows, i),
                                                    (enum column)column));
            relieve(data);
        }
        buf_add_char(&data->buf, ']');
    }
}

// A letter a row: how it ended; and what else is to say of it.
static void
add_letters(struct data *data, const struct rows *rows)
{
    compose_key(&data->buf, "state");
    buf_add_char(&data->buf, '"');
    for (size_t i = 0; i < rows_count(rows); i++) {
        const struct row *row = rows_get(rows, i);
        buf_add_char(&data->buf, lanes_letter((enum state)row->state));
    }
    buf_add_char(&data->buf, '"');
    compose_key(&data->buf, "flags");
    buf_add_char(&data->buf, '"');
    for (size_t i = 0; i < rows_count(rows); i++) {
        const struct row *row = rows_get(rows, i);
        buf_add_char(&data->buf,
                     (char)('0' + row->flaky + 2 * row->quarantined));
    }
    buf_add_char(&data->buf, '"');
    drain(data);
}

// The ids; what one shares with its job is left out, and then begins with a
// dot as in the id.
static void
add_ids(struct data *data, const struct rows *rows)
{
    compose_list(&data->buf, "id");
    for (size_t i = 0; i < rows_count(rows); i++) {
        const struct row *row = rows_get(rows, i);
        struct slice id = slice_of(row->id);
        struct slice rest = id;
        if (row->job[0] != '\0' && slice_take(&rest, slice_of(row->job)) &&
            rest.len > 0 && rest.data[0] == '.') {
            id = rest;
        }
        compose_element(&data->buf, id);
        relieve(data);
    }
    buf_add_char(&data->buf, ']');
}

static void
add_names(struct data *data, const struct picture *picture)
{
    const struct rows *rows = picture->rows;
    struct names jobs = {0};
    struct names files = {0};
    struct buf job_list = BUF_INIT((size_t)64 << 20);
    struct buf file_list = BUF_INIT((size_t)64 << 20);

    buf_add_char(&job_list, '[');
    buf_add_char(&file_list, '[');
    compose_list(&data->buf, "job");
    for (size_t i = 0; i < rows_count(rows); i++) {
        compose_number(&data->buf,
                       names_place(&jobs, rows_get(rows, i)->job, &job_list));
    }
    buf_add_char(&data->buf, ']');
    compose_list(&data->buf, "file");
    for (size_t i = 0; i < rows_count(rows); i++) {
        compose_number(&data->buf, names_place(&files, rows_get(rows, i)->file,
                                               &file_list));
    }
    buf_add_text(&data->buf, "],\"jobs\":");
    buf_add_slice(&data->buf, buf_slice(&job_list));
    buf_add_text(&data->buf, "],\"files\":");
    buf_add_slice(&data->buf, buf_slice(&file_list));
    buf_add_char(&data->buf, ']');
    map_release(&jobs.places);
    map_release(&files.places);
    buf_release(&job_list);
    buf_release(&file_list);
    drain(data);
}

static void
add_details(struct data *data, const struct rows *rows)
{
    char key[24];

    compose_open(&data->buf, "detail");
    for (size_t i = 0; i < rows_count(rows); i++) {
        const char *detail = rows_get(rows, i)->detail;
        if (detail != NULL) {
            (void)snprintf(key, sizeof(key), "%zu", i);
            compose_key(&data->buf, key);
            buf_add_text(&data->buf, detail);
            relieve(data);
        }
    }
    buf_add_char(&data->buf, '}');
}

static void
add_tests(struct data *data, const struct picture *picture)
{
    compose_open(&data->buf, "tests");
    add_columns(data, picture->rows);
    add_letters(data, picture->rows);
    add_ids(data, picture->rows);
    add_names(data, picture);
    add_details(data, picture->rows);
    buf_add_char(&data->buf, '}');
}

static void
add_attempts(struct data *data, const struct rows *rows)
{
    struct buf *buf = &data->buf;

    compose_list(buf, "attempts");
    for (size_t i = 0; i < rows_attempt_count(rows); i++) {
        const struct row_attempt *attempt = rows_attempt(rows, i);
        char letter[2] = {lanes_letter((enum state)attempt->state), '\0'};
        compose_comma(buf);
        buf_add_char(buf, '{');
        compose_uint(buf, "item", attempt->item);
        compose_uint(buf, "lane",
                     attempt->lane != LANE_NONE ? (uint64_t)attempt->lane + 1
                                                : 0);
        compose_uint(buf, "began", attempt->began_us);
        compose_uint(buf, "us", attempt->us);
        compose_text(buf, "state", letter);
        if (attempt->detail != NULL) {
            compose_key(buf, "detail");
            buf_add_text(buf, attempt->detail);
        }
        buf_add_char(buf, '}');
        relieve(data);
    }
    buf_add_char(buf, ']');
}

static void
add_stints(struct data *data, const struct picture *picture)
{
    struct buf *buf = &data->buf;
    size_t count = stints_count(picture->stints);

    compose_uint(buf, "stints_seen", stints_seen(picture->stints));
    compose_list(buf, "stints");
    for (size_t i = 0; rows_are_all(picture->rows) && i < count; i++) {
        const struct stint *stint = stints_get(picture->stints, i);
        compose_comma(buf);
        buf_add_char(buf, '[');
        compose_element(buf, slice_of(stint->name));
        compose_number(buf, stint->lane);
        compose_number(buf, stint->began_us);
        compose_number(buf, stint->us);
        compose_number(buf, stint->items);
        compose_number(buf, stint->expect_us);
        compose_number(buf, stint->usage.user_us + stint->usage.system_us);
        compose_number(buf, stint->usage.maxrss_kib);
        compose_number(buf, stint->process);
        buf_add_char(buf, ']');
        relieve(data);
    }
    buf_add_char(buf, ']');
}

static void
add_left_out(struct data *data, const struct picture *picture)
{
    const struct rows_left_out *left_out = rows_left_out(picture->rows);
    struct buf *buf = &data->buf;

    compose_open(buf, "left_out");
    compose_some_uint(buf, "plain", left_out->plain);
    compose_some_uint(buf, "notable", left_out->notable);
    compose_some_uint(buf, "attempts", left_out->attempts);
    compose_some_uint(buf, "details", left_out->details);
    compose_some_uint(buf, "notes", picture->left_out);
    compose_some_uint(buf, "elsewhere", picture->elsewhere);
    buf_add_char(buf, '}');
    compose_list(buf, "groups");
    if (!rows_are_all(picture->rows)) {
        groups_write(picture->groups, buf);
    }
    buf_add_char(buf, ']');
    drain(data);
}

bool
html_data_write(struct picture *picture, struct writer *out)
{
    struct data data = {.out = out};

    buf_init(&data.buf, (size_t)1 << 30);
    buf_add(&out->buf, page_head, sizeof(page_head));
    buf_add_char(&data.buf, '{');
    compose_uint(&data.buf, "format", 1);
    add_run(&data, picture);
    add_tally(&data, &picture->tally);
    add_list(&data, "notes", &picture->notes);
    add_list(&data, "scripts", &picture->scripts);
    add_list(&data, "workers", &picture->workers);
    add_list(&data, "leaks", &picture->leaks);
    add_lanes(&data, picture);
    add_tests(&data, picture);
    add_attempts(&data, picture->rows);
    add_stints(&data, picture);
    add_left_out(&data, picture);
    html_past_write(picture, &data.buf);
    buf_add_text(&data.buf, "}\n");
    drain(&data);
    add_safe(&out->buf, buf_slice(&data.buf));
    buf_add(&out->buf, page_tail, sizeof(page_tail));
    buf_release(&data.buf);
    return writer_flush(out);
}
