#include "fleet/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

void
stream_out_init(struct stream_out *out, size_t bytes_max)
{
    *out = (struct stream_out){
        .first = 1, .next = 1, .unsent = 1, .bytes_max = bytes_max};
}

static struct stream_message *
kept(const struct stream_out *out, uint64_t number)
{
    assert(number >= out->first && number < out->next);
    return &out->kept[number & (out->capacity - 1)];
}

static void
forget(struct stream_out *out)
{
    struct stream_message *message = kept(out, out->first);

    out->bytes -= message->len;
    free(message->bytes);
    free(message->mark);
    *message = (struct stream_message){0};
    out->first++;
}

void
stream_out_release(struct stream_out *out)
{
    while (out->first < out->next) {
        forget(out);
    }
    free(out->kept);
    stream_out_init(out, out->bytes_max);
}

uint64_t
stream_out_next(const struct stream_out *out)
{
    return out->next;
}

static void
grow(struct stream_out *out)
{
    size_t capacity = out->capacity > 0 ? 2 * out->capacity : 16;
    struct stream_message *ring =
        alloc_zero(capacity, sizeof(struct stream_message));

    for (uint64_t number = out->first; number < out->next; number++) {
        ring[number & (capacity - 1)] = *kept(out, number);
    }
    free(out->kept);
    out->kept = ring;
    out->capacity = capacity;
}

bool
stream_out_add(struct stream_out *out, char *bytes, size_t len,
               const char *mark)
{
    uint64_t open = out->next - out->first;

    if (open >= STREAM_OPEN_MAX) {
        free(bytes);
        return false;
    }
    if (open == out->capacity) {
        grow(out);
    }
    out->next++;
    *kept(out, out->next - 1) = (struct stream_message){
        .bytes = bytes, .len = len, .mark = alloc_dup(mark)};
    out->bytes += len;
    return true;
}

bool
stream_out_is_full(const struct stream_out *out)
{
    return out->bytes >= out->bytes_max ||
           out->next - out->first >= STREAM_OPEN_MAX / 2;
}

bool
stream_out_is_empty(const struct stream_out *out)
{
    return out->first == out->next;
}

void
stream_out_acknowledge(struct stream_out *out, uint64_t number)
{
    if (number >= out->next) {
        return;
    }
    while (out->first <= number) {
        forget(out);
    }
    if (out->unsent < out->first) {
        out->unsent = out->first;
    }
}

void
stream_out_rewind(struct stream_out *out, uint64_t number)
{
    if (number < out->unsent) {
        out->unsent = number > out->first ? number : out->first;
    }
}

bool
stream_out_take(struct stream_out *out, struct slice *message,
                struct slice *mark)
{
    if (out->unsent == out->next) {
        return false;
    }
    const struct stream_message *next = kept(out, out->unsent++);
    *message = slice_make(next->bytes, next->len);
    *mark = slice_of(next->mark);
    return true;
}

void
stream_in_init(struct stream_in *in, size_t bytes_max,
               stream_free_fn free_message)
{
    *in = (struct stream_in){
        .next = 1, .bytes_max = bytes_max, .free_message = free_message};
}

void
stream_in_release(struct stream_in *in)
{
    for (size_t i = 0; i < in->count; i++) {
        in->free_message(in->waiting[in->head + i].message);
    }
    free(in->waiting);
    stream_in_init(in, in->bytes_max, in->free_message);
}

// Which of those that wait `number` is, or would be.
static size_t
place_of(const struct stream_in *in, uint64_t number)
{
    size_t low = 0;
    size_t high = in->count;

    if (high == 0) {
        return 0;
    }
    const struct stream_waiting *waiting = in->waiting + in->head;
    // What comes is nearly always behind all others.
    if (waiting[high - 1].number < number) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (waiting[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
make_room(struct stream_in *in)
{
    if (in->head + in->count < in->capacity) {
        return;
    }
    if (in->head > in->count) {
        memmove(in->waiting, in->waiting + in->head,
                in->count * sizeof(*in->waiting));
        in->head = 0;
        return;
    }
    in->capacity = alloc_grow(in->capacity, in->capacity + 1);
    in->waiting = alloc_resize(in->waiting, in->capacity, sizeof(*in->waiting));
}

static void
keep(struct stream_in *in, size_t place, struct stream_waiting waiting)
{
    make_room(in);
    struct stream_waiting *at = in->waiting + in->head + place;
    memmove(at + 1, at, (in->count - place) * sizeof(*at));
    *at = waiting;
    in->count++;
    in->bytes += waiting.size;
}

enum stream_verdict
stream_in_offer(struct stream_in *in, uint64_t number, void *message,
                size_t size)
{
    size_t place = place_of(in, number);
    bool known =
        place < in->count && in->waiting[in->head + place].number == number;
    enum stream_verdict verdict = STREAM_KEPT;

    assert(message != NULL);
    if (number < in->next || known) {
        verdict = STREAM_DUPLICATE;
    } else if (number == in->next) {
        verdict = STREAM_NEXT;
    } else if (number - in->next >= STREAM_OPEN_MAX ||
               in->count >= STREAM_OPEN_MAX ||
               (in->bytes + size > in->bytes_max)) {
        verdict = STREAM_TOO_FAR;
    }
    if (verdict == STREAM_DUPLICATE || verdict == STREAM_TOO_FAR) {
        in->free_message(message);
        return verdict;
    }
    keep(in, place,
         (struct stream_waiting){
             .number = number, .size = size, .message = message});
    return verdict;
}

void *
stream_in_take(struct stream_in *in)
{
    if (in->count == 0 || in->waiting[in->head].number != in->next) {
        return NULL;
    }
    struct stream_waiting *first = &in->waiting[in->head];
    in->bytes -= first->size;
    in->count--;
    in->head = in->count > 0 ? in->head + 1 : 0;
    in->next++;
    return first->message;
}

bool
stream_in_hole(const struct stream_in *in, uint64_t *from)
{
    *from = in->next;
    return in->count > 0 && in->waiting[in->head].number != in->next;
}

uint64_t
stream_in_done(const struct stream_in *in)
{
    return in->next - 1;
}
