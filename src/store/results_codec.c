#include "store/results_codec.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

enum {
    STATE_BITS = 4,
    STATE_MASK = 15,
    FLAGS_MASK = 7,
    MESSAGE_BIT = 0x80,
    NUMBER_BYTES = 10,
    NUMBERS_MAX = 16, // in one record
    MORE = 0x80,
};

_Static_assert(STATE_COUNT <= STATE_MASK + 1, "a state has four bits");

// -------------------------------------------------------------------- packing

static size_t
put(unsigned char *at, uint64_t number)
{
    size_t count = 0;

    while (number >= MORE) {
        at[count++] = (unsigned char)(number | MORE);
        number >>= 7;
    }
    at[count++] = (unsigned char)number;
    return count;
}

static size_t
put_signed(unsigned char *at, int64_t number)
{
    return put(at, ((uint64_t)number << 1) ^ (uint64_t)(number >> 63));
}

/* Of unsigned numbers, so that nothing can overflow. */
static int64_t
difference(uint64_t now, uint64_t before)
{
    return (int64_t)(now - before);
}

static uint64_t
slot_number(int slot)
{
    return slot < 0 ? 0 : (uint64_t)slot + 1;
}

void
results_pack(struct buf *part, struct results_place *place,
             const struct result *result)
{
    unsigned char bytes[NUMBERS_MAX * NUMBER_BYTES];
    struct slice message = slice_first(result->message, RESULT_MESSAGE_MAX);
    size_t len = 0;

    bytes[len++] =
        (unsigned char)((unsigned)result->state |
                        (result->flags & FLAGS_MASK) << STATE_BITS |
                        (message.len > 0 ? (unsigned)MESSAGE_BIT : 0));
    len += put_signed(bytes + len, result->test - place->test);
    len += put_signed(bytes + len, result->job - place->job);
    len +=
        put_signed(bytes + len, difference(result->began_us, place->began_us));
    len += put(bytes + len, result->us);
    len += put(bytes + len, result->process);
    len += put(bytes + len, slot_number(result->slot));
    len += put(bytes + len, result->tries > 0 ? (uint64_t)result->tries : 0);
    if (message.len > 0) {
        len += put(bytes + len, message.len);
    }
    assert(len <= sizeof(bytes));
    buf_add(part, bytes, len);
    buf_add_slice(part, message);
    *place =
        (struct results_place){result->test, result->job, result->began_us};
}

void
results_pack_job(struct buf *part, struct results_place *place,
                 const struct result_job *job)
{
    const struct slice worker = slice_first(job->worker, WORKER_NAME_MAX);
    const uint64_t numbers[] = {
        job->us,
        job->expect_us,
        job->usage.user_us,
        job->usage.system_us,
        job->usage.maxrss_kib,
        job->process,
        job->items,
        slot_number(job->slot),
        job->attempt > 0 ? (uint64_t)job->attempt : 0,
        (uint64_t)job->kind,
        worker.len,
    };
    unsigned char bytes[NUMBERS_MAX * NUMBER_BYTES];
    size_t len = 0;

    len += put_signed(bytes + len, job->job - place->job);
    len += put_signed(bytes + len, difference(job->began_us, place->began_us));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        len += put(bytes + len, numbers[i]);
    }
    assert(len <= sizeof(bytes));
    buf_add(part, bytes, len);
    buf_add_slice(part, worker);
    place->job = job->job;
    place->began_us = job->began_us;
}

// ------------------------------------------------------------------ unpacking

static bool
take(struct slice *rest, uint64_t max, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < NUMBER_BYTES && i < rest->len; i++) {
        uint64_t byte = (unsigned char)rest->data[i];
        *number |= (byte & (MORE - 1)) << (7 * i);
        if (byte < MORE) {
            *rest = slice_skip(*rest, i + 1);
            return *number <= max;
        }
    }
    return false;
}

static bool
take_difference(struct slice *rest, uint64_t before, uint64_t *now)
{
    uint64_t coded = 0;

    if (!take(rest, UINT64_MAX, &coded)) {
        return false;
    }
    *now = before + ((coded >> 1) ^ (0 - (coded & 1)));
    return *now <= INT64_MAX;
}

static bool
take_text(struct slice *rest, size_t max, struct slice *text)
{
    uint64_t len = 0;

    if (!take(rest, max, &len) || len > rest->len) {
        return false;
    }
    *text = slice_first(*rest, len);
    *rest = slice_skip(*rest, len);
    return true;
}

bool
results_unpack(struct slice *rest, struct results_place *place,
               struct result *result)
{
    uint64_t test = 0;
    uint64_t job = 0;
    uint64_t process = 0;
    uint64_t slot = 0;
    uint64_t tries = 0;
    unsigned head = (unsigned char)rest->data[0];

    *rest = slice_skip(*rest, 1);
    *result = (struct result){
        .state = (enum state)(head & STATE_MASK),
        .flags = head >> STATE_BITS & FLAGS_MASK,
    };
    if ((head & STATE_MASK) >= STATE_COUNT ||
        !take_difference(rest, (uint64_t)place->test, &test) ||
        !take_difference(rest, (uint64_t)place->job, &job) ||
        !take_difference(rest, place->began_us, &result->began_us) ||
        !take(rest, INT64_MAX, &result->us) ||
        !take(rest, UINT32_MAX, &process) || !take(rest, INT_MAX, &slot) ||
        !take(rest, INT_MAX, &tries) ||
        ((head & MESSAGE_BIT) != 0 &&
         !take_text(rest, RESULT_MESSAGE_MAX, &result->message))) {
        return false;
    }
    result->test = (int64_t)test;
    result->job = (int64_t)job;
    result->process = (uint32_t)process;
    result->slot = (int)slot - 1;
    result->tries = (int)tries;
    *place =
        (struct results_place){result->test, result->job, result->began_us};
    return true;
}

bool
results_unpack_job(struct slice *rest, struct results_place *place,
                   struct result_job *job)
{
    uint64_t number = 0;
    uint64_t process = 0;
    uint64_t items = 0;
    uint64_t slot = 0;
    uint64_t attempt = 0;
    uint64_t kind = 0;

    *job = (struct result_job){0};
    if (!take_difference(rest, (uint64_t)place->job, &number) ||
        !take_difference(rest, place->began_us, &job->began_us) ||
        !take(rest, INT64_MAX, &job->us) ||
        !take(rest, INT64_MAX, &job->expect_us) ||
        !take(rest, INT64_MAX, &job->usage.user_us) ||
        !take(rest, INT64_MAX, &job->usage.system_us) ||
        !take(rest, INT64_MAX, &job->usage.maxrss_kib) ||
        !take(rest, UINT32_MAX, &process) || !take(rest, UINT32_MAX, &items) ||
        !take(rest, INT_MAX, &slot) || !take(rest, INT_MAX, &attempt) ||
        !take(rest, JOB_KIND_COUNT - 1, &kind) ||
        !take_text(rest, WORKER_NAME_MAX, &job->worker)) {
        return false;
    }
    job->job = (int64_t)number;
    job->process = (uint32_t)process;
    job->items = (uint32_t)items;
    job->slot = (int)slot - 1;
    job->attempt = (int)attempt;
    job->kind = (enum job_kind)kind;
    place->job = job->job;
    place->began_us = job->began_us;
    return true;
}
