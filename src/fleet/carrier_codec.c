#include "fleet/carrier_codec.h"

#include <limits.h>

#include "util/field.h"
#include "util/json_text.h"

typedef bool (*read_fn)(struct carrier_line *line, struct err *err);

struct word {
    const char *text;
    int value;
};

static bool
read_word(const json_t *object, const char *name, const struct word *words,
          int *value, struct err *err)
{
    struct slice text;

    if (!field_text(object, name, &text, err)) {
        return false;
    }
    for (const struct word *word = words; word->text != NULL; word++) {
        if (slice_equals_text(text, word->text)) {
            *value = word->value;
            return true;
        }
    }
    return err_set(err, ERR_PROTOCOL, "%s is \"%.*s\"", name,
                   SLICE_ARG(slice_first(text, 40)));
}

static bool
read_int(const json_t *object, const char *name, int64_t min, int64_t max,
         int64_t *value, struct err *err)
{
    const struct field_range range = {min, max};

    return field_int(object, name, range, value, err);
}

// Versions that differ behind the first dot understand each other.
static bool
read_protocol(const json_t *object, struct err *err)
{
    struct slice text;

    if (!field_text(object, "protocol", &text, err)) {
        return false;
    }
    if (!slice_starts_with(text, SLICE("1."))) {
        err_set(err, ERR_PROTOCOL,
                "mule's Python side speaks carrier protocol %.*s, "
                "the program " CARRIER_PROTOCOL,
                SLICE_ARG(slice_first(text, 20)));
        return err_hint(err, "install the same version of both");
    }
    return true;
}

static bool
read_pid(struct carrier_line *line, struct err *err)
{
    return read_int(line->object, "pid", 0, INT_MAX, &line->pid, err);
}

static bool
read_slots(struct carrier_line *line, struct err *err)
{
    int64_t slots;

    if (!read_int(line->object, "slots", 0, CARRIER_SLOTS_MAX, &slots, err)) {
        return false;
    }
    line->slots = (int)slots;
    return true;
}

static bool
read_number(struct carrier_line *line, const char *name, struct err *err)
{
    int64_t number;

    if (!read_int(line->object, name, 0, INT64_MAX, &number, err)) {
        return false;
    }
    line->number = (uint64_t)number;
    return true;
}

static bool
read_sealed(struct carrier_line *line, struct err *err)
{
    return field_text(line->object, "payload", &line->sealed.payload, err) &&
           field_text(line->object, "seal", &line->sealed.seal, err);
}

static bool
read_hello(struct carrier_line *line, struct err *err)
{
    const json_t *object = line->object;

    return read_protocol(object, err) && read_pid(line, err) &&
           read_slots(line, err) &&
           field_text(object, "node", &line->node, err) &&
           field_text(object, "version", &line->version, err) &&
           field_text(object, "python", &line->python, err) &&
           field_text(object, "celery", &line->celery, err) &&
           field_text(object, "socket", &line->socket, err);
}

static bool
read_control(struct carrier_line *line, struct err *err)
{
    return field_text(line->object, "method", &line->method, err) &&
           read_number(line, "reply", err) && read_sealed(line, err);
}

static bool
read_terminate(struct carrier_line *line, struct err *err)
{
    int64_t signo;

    if (!field_text(line->object, "id", &line->id, err) ||
        !read_int(line->object, "signal", 1, 64, &signo, err)) {
        return false;
    }
    line->signo = (int)signo;
    return true;
}

static bool
read_nothing(struct carrier_line *line, struct err *err)
{
    (void)line;
    (void)err;
    return true;
}

static bool
read_way(struct carrier_line *line, struct err *err)
{
    return field_bool(line->object, "up", &line->up, err);
}

static bool
read_stop(struct carrier_line *line, struct err *err)
{
    static const struct word words[] = {
        {"warm", STOP_WARM}, {"soft", STOP_SOFT}, {"cold", STOP_COLD}, {0}};
    int how = 0;

    if (!read_word(line->object, "how", words, &how, err)) {
        return false;
    }
    line->stop = (enum carrier_stop)how;
    return true;
}

static bool
read_done(struct carrier_line *line, struct err *err)
{
    return read_number(line, "id", err) &&
           field_text_optional(line->object, "why", &line->why, err);
}

static bool
read_piece(struct carrier_line *line, struct err *err)
{
    return field_text(line->object, "body", &line->body, err);
}

static bool
read_task(struct carrier_line *line, struct err *err)
{
    static const struct word words[] = {
        {"offer", TASK_OFFER}, {"run", TASK_RUN}, {0}};
    int kind = 0;

    if (!read_protocol(line->object, err) ||
        !read_word(line->object, "kind", words, &kind, err)) {
        return false;
    }
    line->task_kind = (enum carrier_task_kind)kind;
    return read_pid(line, err) &&
           field_text(line->object, "id", &line->id, err) &&
           field_bool(line->object, "redelivered", &line->redelivered, err) &&
           read_sealed(line, err);
}

static const struct {
    const char *msg;
    enum carrier_line_kind kind;
    read_fn read;
} kinds[] = {
    {"hello", CARRIER_HELLO, read_hello},
    {"control", CARRIER_CONTROL, read_control},
    {"terminate", CARRIER_TERMINATE, read_terminate},
    {"lost", CARRIER_LOST, read_nothing},
    {"way", CARRIER_WAY, read_way},
    {"slots", CARRIER_SLOTS, read_slots},
    {"stop", CARRIER_STOP, read_stop},
    {"done", CARRIER_DONE, read_done},
    {"piece", CARRIER_PIECE, read_piece},
    {"task", CARRIER_TASK, read_task},
};

bool
carrier_line_decode(struct carrier_line *line, struct slice text,
                    struct err *err)
{
    struct slice msg;

    *line = (struct carrier_line){0};
    line->object = json_text_parse_object(text, err);
    if (line->object == NULL || !field_text(line->object, "msg", &msg, err)) {
        return false;
    }
    line->kind = CARRIER_OTHER;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (slice_equals_text(msg, kinds[i].msg)) {
            line->kind = kinds[i].kind;
            return kinds[i].read(line, err) ||
                   err_wrap(err, "\"%s\"", kinds[i].msg);
        }
    }
    return true;
}

void
carrier_line_release(struct carrier_line *line)
{
    json_decref(line->object);
    *line = (struct carrier_line){0};
}
