#include "loop/guardian_codec.h"

#include <assert.h>
#include <string.h>

/*
 * Both directions are one function a frame: it names the members in order,
 * and a coder either adds them to a buffer or takes them from bytes. Once
 * something does not fit, a coder does nothing any more.
 */
struct coder {
    struct buf *out; // NULL: it takes from `in`
    struct slice in;
    bool failed;
};

static void
code_bytes(struct coder *coder, void *value, size_t size)
{
    if (coder->failed) {
        return;
    }
    if (coder->out != NULL) {
        coder->failed = !buf_add(coder->out, value, size);
    } else if (coder->in.len < size) {
        coder->failed = true;
    } else {
        memcpy(value, coder->in.data, size);
        coder->in = slice_skip(coder->in, size);
    }
}

static void
code_u32(struct coder *coder, uint32_t *value)
{
    code_bytes(coder, value, sizeof(*value));
}

static void
code_i32(struct coder *coder, int32_t *value)
{
    code_bytes(coder, value, sizeof(*value));
}

static void
code_u64(struct coder *coder, uint64_t *value)
{
    code_bytes(coder, value, sizeof(*value));
}

// A number of an enum: from `min` to below `end`.
static uint8_t
code_enum(struct coder *coder, unsigned value, unsigned min, unsigned end)
{
    uint8_t byte = (uint8_t)value;

    code_bytes(coder, &byte, 1);
    if (byte < min || byte >= end) {
        coder->failed = true;
    }
    return coder->failed ? (uint8_t)min : byte;
}

#define CODE_ENUM(coder, value, type, min, last) \
    ((value) = (type)code_enum((coder), (unsigned)(value), (min), (last) + 1))

static void
code_bool(struct coder *coder, bool *value)
{
    *value = code_enum(coder, *value ? 1 : 0, 0, 2) == 1;
}

// A length and that many bytes.
static void
code_slice(struct coder *coder, struct slice *value, size_t max)
{
    uint32_t len = (uint32_t)value->len;

    if (coder->out != NULL && value->len > max) {
        coder->failed = true;
    }
    code_u32(coder, &len);
    if (coder->failed) {
        return;
    }
    if (coder->out != NULL) {
        coder->failed = !buf_add_slice(coder->out, *value);
    } else if (len > max || len > coder->in.len) {
        coder->failed = true;
    } else {
        *value = slice_first(coder->in, len);
        coder->in = slice_skip(coder->in, len);
    }
}

// A text travels with its end, so that it can be used where it lies.
static void
code_text(struct coder *coder, const char **text)
{
    struct slice bytes = {0};

    if (coder->out != NULL) {
        const char *given = *text != NULL ? *text : "";
        bytes = slice_make(given, strlen(given) + 1);
    }
    code_slice(coder, &bytes, FRAME_MAX);
    if (coder->out != NULL) {
        return;
    }
    if (!coder->failed && slice_find(bytes, '\0') + 1 != bytes.len) {
        coder->failed = true;
    }
    *text = coder->failed ? "" : bytes.data;
}

static void
code_texts(struct coder *coder, struct frame_texts *texts, uint32_t least)
{
    uint32_t ends = 0;

    code_u32(coder, &texts->count);
    code_slice(coder, &texts->bytes, FRAME_MAX);
    if (coder->failed || coder->out != NULL) {
        return;
    }
    struct slice bytes = texts->bytes;
    for (size_t i = 0; i < bytes.len; i++) {
        ends += bytes.data[i] == '\0' ? 1 : 0;
    }
    if (ends != texts->count || texts->count < least ||
        (bytes.len > 0 && bytes.data[bytes.len - 1] != '\0')) {
        coder->failed = true;
    }
}

static void
code_spawn(struct coder *coder, struct frame_spawn *spawn)
{
    code_u32(coder, &spawn->id);
    CODE_ENUM(coder, spawn->input, enum child_input, CHILD_INPUT_NULL,
              CHILD_INPUT_TERMINAL);
    CODE_ENUM(coder, spawn->out, enum child_output, CHILD_OUTPUT_PIPE,
              CHILD_OUTPUT_NULL);
    CODE_ENUM(coder, spawn->err, enum child_output, CHILD_OUTPUT_PIPE,
              CHILD_OUTPUT_NULL);
    CODE_ENUM(coder, spawn->leads, enum child_leads, CHILD_LEADS_GROUP,
              CHILD_LEADS_TERMINAL);
    code_bool(coder, &spawn->zygote);
    code_text(coder, &spawn->cwd);
    code_text(coder, &spawn->tag);
    code_text(coder, &spawn->input_path);
    code_text(coder, &spawn->out_path);
    code_text(coder, &spawn->err_path);
    code_slice(coder, &spawn->input_text, FRAME_MAX_INPUT);
    code_texts(coder, &spawn->argv, 1);
    code_texts(coder, &spawn->env, 0);
}

// The bytes of an output are the rest of the frame, so that they can be read
// into their place before it is known how many they are.
static void
code_output(struct coder *coder, struct frame_output *output)
{
    code_u32(coder, &output->id);
    CODE_ENUM(coder, output->stream, enum child_stream, CHILD_OUT, CHILD_ERR);
    if (coder->failed) {
        return;
    }
    if (coder->out != NULL) {
        coder->failed = output->bytes.len > FRAME_MAX_OUTPUT ||
                        !buf_add_slice(coder->out, output->bytes);
    } else {
        coder->failed = coder->in.len > FRAME_MAX_OUTPUT;
        output->bytes = coder->in;
        coder->in = slice_skip(coder->in, coder->in.len);
    }
}

static void
code_failed(struct coder *coder, struct frame_failed *failed)
{
    code_u32(coder, &failed->id);
    CODE_ENUM(coder, failed->step, enum frame_step, STEP_PIPE, STEP_COUNT - 1);
    code_i32(coder, &failed->number);
    code_text(coder, &failed->name);
}

static void
code_gone(struct coder *coder, struct frame_gone *gone)
{
    code_u32(coder, &gone->id);
    code_i32(coder, &gone->status);
    code_u64(coder, &gone->usage.user_us);
    code_u64(coder, &gone->usage.system_us);
    code_u64(coder, &gone->usage.maxrss_kib);
    code_u64(coder, &gone->wall_us);
    code_bool(coder, &gone->held);
}

static void
code_leak(struct coder *coder, struct frame_leak *leak)
{
    code_i32(coder, &leak->pid);
    code_i32(coder, &leak->group);
    code_text(coder, &leak->job);
    code_text(coder, &leak->command);
}

static void
code_frame(struct coder *coder, struct frame *frame)
{
    CODE_ENUM(coder, frame->kind, enum frame_kind, FRAME_SPAWN,
              FRAME_KIND_COUNT - 1);
    if (coder->failed) {
        return;
    }
    switch (frame->kind) {
    case FRAME_SPAWN:
        code_spawn(coder, &frame->spawn);
        return;
    case FRAME_SIGNAL:
        code_u32(coder, &frame->signal.id);
        code_i32(coder, &frame->signal.signo);
        return;
    case FRAME_SIGNAL_PID:
        code_i32(coder, &frame->signal_pid.pid);
        code_i32(coder, &frame->signal_pid.signo);
        code_bool(coder, &frame->signal_pid.group);
        return;
    case FRAME_SWEEP:
        code_i32(coder, &frame->sweep.group);
        code_text(coder, &frame->sweep.tag);
        return;
    case FRAME_SETTLE:
    case FRAME_SETTLED:
        code_u32(coder, &frame->settle);
        return;
    case FRAME_PAUSE:
        code_bool(coder, &frame->pause);
        return;
    case FRAME_ENVIRONMENT:
        code_texts(coder, &frame->environment, 0);
        return;
    case FRAME_REMOVE_AT_END:
        code_text(coder, &frame->path);
        return;
    case FRAME_STARTED:
        code_u32(coder, &frame->started.id);
        code_i32(coder, &frame->started.pid);
        return;
    case FRAME_OUTPUT:
        code_output(coder, &frame->output);
        return;
    case FRAME_FAILED:
        code_failed(coder, &frame->failed);
        return;
    case FRAME_GONE:
        code_gone(coder, &frame->gone);
        return;
    case FRAME_LEAK:
        code_leak(coder, &frame->leak);
        return;
    case FRAME_KIND_COUNT:
        break;
    }
    assert(false && "a frame of no kind");
}

// Puts the length of what follows it into the four bytes at `start`.
static void
set_length(struct buf *out, size_t start)
{
    uint32_t len = (uint32_t)(out->len - start - sizeof(len));

    memcpy(out->data + start, &len, sizeof(len));
}

bool
guardian_codec_put(struct buf *out, const struct frame *frame)
{
    struct coder coder = {.out = out};
    struct frame copy = *frame;
    size_t start = out->len;
    uint32_t length = 0;

    code_u32(&coder, &length);
    code_frame(&coder, &copy);
    if (coder.failed || out->len - start > FRAME_MAX) {
        if (out->len > start) {
            buf_cut(out, start);
        }
        return false;
    }
    set_length(out, start);
    return true;
}

bool
guardian_codec_add_text(struct buf *bytes, uint32_t *count, const char *text)
{
    if (!buf_add(bytes, text, strlen(text) + 1)) {
        return false;
    }
    (*count)++;
    return true;
}

enum frame_result
guardian_codec_take(struct slice *bytes, struct frame *frame, struct err *err)
{
    uint32_t len;

    if (bytes->len < sizeof(len)) {
        return FRAME_MORE;
    }
    memcpy(&len, bytes->data, sizeof(len));
    if (len > FRAME_MAX - sizeof(len)) {
        err_set(err, ERR_PROTOCOL, "a frame of %u bytes", len);
        return FRAME_BROKEN;
    }
    if (bytes->len - sizeof(len) < len) {
        return FRAME_MORE;
    }
    struct coder coder = {
        .in = slice_first(slice_skip(*bytes, sizeof(len)), len)};
    *frame = (struct frame){0};
    code_frame(&coder, frame);
    if (coder.failed || coder.in.len > 0) {
        err_set(err, ERR_PROTOCOL, "a malformed frame of kind %d",
                (int)frame->kind);
        return FRAME_BROKEN;
    }
    *bytes = slice_skip(*bytes, sizeof(len) + len);
    return FRAME_WHOLE;
}

// The length, the kind, the id and the stream.
#define OUTPUT_HEADER (sizeof(uint32_t) + 1 + sizeof(uint32_t) + 1)

char *
guardian_codec_begin_output(struct buf *out, uint32_t id,
                            enum child_stream stream, size_t want, size_t *room)
{
    struct frame frame = {.kind = FRAME_OUTPUT,
                          .output = {.id = id, .stream = stream}};

    if (!guardian_codec_put(out, &frame)) {
        return NULL;
    }
    char *place =
        buf_room(out, want < FRAME_MAX_OUTPUT ? want : FRAME_MAX_OUTPUT, room);
    if (*room == 0) {
        guardian_codec_end_output(out, 0);
        return NULL;
    }
    return place;
}

void
guardian_codec_end_output(struct buf *out, size_t len)
{
    size_t start = out->len - OUTPUT_HEADER;

    if (len == 0) {
        buf_cut(out, start);
        return;
    }
    buf_grew(out, len);
    set_length(out, start);
}

const char *
frame_step_name(enum frame_step step)
{
    switch (step) {
    case STEP_PIPE:
        return "making a pipe for";
    case STEP_INPUT:
        return "opening the input";
    case STEP_OUTPUT:
        return "opening the output";
    case STEP_FORK:
        return "starting";
    case STEP_GROUP:
        return "making a process group for";
    case STEP_FOLDER:
        return "entering";
    case STEP_EXEC:
        return "starting";
    case STEP_COUNT:
        break;
    }
    assert(false && "a step of no kind");
    return "";
}
