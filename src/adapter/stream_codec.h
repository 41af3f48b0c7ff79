/*
 * The lines that a program prints on standard output to tell of its tests
 * (docs/protocol/adapter.md, section 8): one line -> a struct. Whether the
 * lines fit together is for stream_reader.c to judge.
 */
#ifndef ADAPTER_STREAM_CODEC_H
#define ADAPTER_STREAM_CODEC_H

#include "adapter/outcome_codec.h"
#include "util/err.h"

/* What every such line begins with; any other line is ordinary output. */
#define STREAM_START SLICE("{\"mule\":")

#define STREAM_LINE_MAX ((size_t)8 << 20)

enum stream_kind {
    STREAM_OTHER, // a message of a newer minor protocol: to be ignored
    STREAM_PLAN,
    STREAM_FINISHED,
    STREAM_END,
};

/* Zeroed = none; is decoded into again and again. */
struct stream_message {
    enum stream_kind kind;
    struct slice *ids; // of a plan
    size_t id_count;
    struct slice id; // of finished
    struct slice file;
    uint32_t line;
    struct outcome outcome;
    uint64_t tests; // of the end

    // The memory; nobody else's business.
    json_t *root;
    size_t id_capacity;
    struct findings findings;
};

/*
 * Reads a line that begins with STREAM_START. What it gives borrows from the
 * message and is valid until the next call. ERR_PROTOCOL names what is wrong.
 */
bool stream_message_decode(struct stream_message *message, struct slice line,
                           struct err *err);

void stream_message_release(struct stream_message *message);

#endif
