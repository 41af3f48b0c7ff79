/*
 * What this program and its guardians say to each other: bytes <-> structs.
 * Both ends are the same program on the same machine, so numbers are as the
 * machine has them; bounded and checked all the same. Pure.
 *
 * A frame is the length of what follows the length, a byte with its kind, and
 * its members in the order of the structs below.
 */
#ifndef LOOP_GUARDIAN_CODEC_H
#define LOOP_GUARDIAN_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/child.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

/* The biggest frame in bytes, with its length. */
#define FRAME_MAX (4UL * 1024 * 1024)

/* What a text of input may have, and the bytes of one OUTPUT. */
#define FRAME_MAX_INPUT (1024UL * 1024)
#define FRAME_MAX_OUTPUT (64UL * 1024)

enum frame_kind {
    FRAME_SPAWN = 1, // requests
    FRAME_SIGNAL,
    FRAME_SIGNAL_PID,
    FRAME_SWEEP,
    FRAME_SETTLE,
    FRAME_PAUSE,
    FRAME_ENVIRONMENT,
    FRAME_REMOVE_AT_END,
    FRAME_STARTED, // reports
    FRAME_OUTPUT,
    FRAME_FAILED,
    FRAME_GONE,
    FRAME_LEAK,
    FRAME_SETTLED,
    FRAME_KIND_COUNT
};

/* Terminated texts one behind the other. */
struct frame_texts {
    struct slice bytes; // with the NUL of each
    uint32_t count;
};

/* Texts are terminated; "" where a path or tag is missing. */
struct frame_spawn {
    uint32_t id;
    enum child_input input;
    enum child_output out;
    enum child_output err;
    enum child_leads leads;
    bool zygote;
    const char *cwd;
    const char *tag;
    const char *input_path;
    const char *out_path;
    const char *err_path;
    struct slice input_text;
    struct frame_texts argv; // at least one
    struct frame_texts env;
};

struct frame_signal {
    uint32_t id;
    int32_t signo;
};

struct frame_signal_pid {
    int32_t pid;
    int32_t signo;
    bool group;
};

struct frame_sweep {
    int32_t group; // 0: none
    const char *tag;
};

struct frame_started {
    uint32_t id;
    int32_t pid;
};

struct frame_output {
    uint32_t id;
    enum child_stream stream;
    struct slice bytes;
};

/* Which step of starting a child failed. */
enum frame_step {
    STEP_PIPE = 1,
    STEP_INPUT,
    STEP_OUTPUT,
    STEP_FORK,
    STEP_GROUP,
    STEP_FOLDER,
    STEP_EXEC,
    STEP_COUNT
};

/* Ends the child as GONE does. */
struct frame_failed {
    uint32_t id;
    enum frame_step step;
    int32_t number;   // errno
    const char *name; // what it failed for
};

struct frame_gone {
    uint32_t id;
    int32_t status;
    struct child_usage usage;
    uint64_t wall_us;
    bool held;
};

struct frame_leak {
    int32_t pid;
    int32_t group;
    const char *job;
    const char *command;
};

struct frame {
    enum frame_kind kind;
    union {
        struct frame_spawn spawn;
        struct frame_signal signal;
        struct frame_signal_pid signal_pid;
        struct frame_sweep sweep;
        uint32_t settle; // SETTLE and SETTLED: a number to know it again
        bool pause;
        struct frame_texts environment;
        const char *path; // REMOVE_AT_END
        struct frame_started started;
        struct frame_output output;
        struct frame_failed failed;
        struct frame_gone gone;
        struct frame_leak leak;
    };
};

/*
 * Adds a frame to `out`. False, and nothing is added, where the frame would
 * be bigger than FRAME_MAX or than what `out` may hold.
 */
bool guardian_codec_put(struct buf *out, const struct frame *frame);

/* The parts of a frame_texts; `bytes` may grow up to its maximum only. */
bool guardian_codec_add_text(struct buf *bytes, uint32_t *count,
                             const char *text);

enum frame_result {
    FRAME_MORE = 1, // the frame is not whole yet
    FRAME_WHOLE,
    FRAME_BROKEN, // err says how; the stream is of no use any more
};

/*
 * Takes one frame off the front of `bytes`. What the frame points to lies in
 * those bytes.
 */
enum frame_result guardian_codec_take(struct slice *bytes, struct frame *frame,
                                      struct err *err);

/*
 * An OUTPUT frame without copying: room for up to `want` bytes in `out`, then
 * how many were put there (0: no frame comes of it). Gives NULL when `out`
 * has no room for a frame.
 */
char *guardian_codec_begin_output(struct buf *out, uint32_t id,
                                  enum child_stream stream, size_t want,
                                  size_t *room);
void guardian_codec_end_output(struct buf *out, size_t len);

/* "opening its standard output". Static. */
const char *frame_step_name(enum frame_step step);

#endif
