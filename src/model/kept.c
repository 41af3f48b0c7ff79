#include "model/kept.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

// What is left of an output: `cut` grows by what is left out here.
static struct output
shorten(const struct output *output)
{
    struct output kept = *output;
    size_t half = KEPT_OUTPUT / 2;

    if (output->tail.len > 0 || output->cut > 0) {
        kept.head = slice_first(output->head, half);
    } else if (output->head.len > KEPT_OUTPUT) {
        kept.head = slice_first(output->head, half);
        kept.tail = slice_skip(output->head, output->head.len - half);
    }
    if (output->tail.len > half) {
        kept.tail = slice_skip(output->tail, output->tail.len - half);
    }
    kept.cut +=
        output->head.len + output->tail.len - kept.head.len - kept.tail.len;
    return kept;
}

// The texts of an outcome, one after another.
enum {
    TEXTS_OUTCOME = 5,
    TEXTS_FINDING = 6,
};

static void
list_texts(struct outcome *outcome, struct slice *texts[TEXTS_OUTCOME])
{
    texts[0] = &outcome->reason;
    texts[1] = &outcome->out.head;
    texts[2] = &outcome->out.tail;
    texts[3] = &outcome->err.head;
    texts[4] = &outcome->err.tail;
}

static void
list_finding(struct finding *finding, struct slice *texts[TEXTS_FINDING])
{
    texts[0] = &finding->where;
    texts[1] = &finding->sub;
    texts[2] = &finding->type;
    texts[3] = &finding->message;
    texts[4] = &finding->trace;
    texts[5] = &finding->file;
}

static size_t
count_bytes(struct slice **texts, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += texts[i]->len;
    }
    return bytes;
}

static char *
move_texts(struct slice **texts, size_t count, char *room)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = texts[i]->len;
        if (len > 0) {
            memcpy(room, texts[i]->data, len);
        }
        *texts[i] = slice_make(room, len);
        room += len;
    }
    return room;
}

struct kept *
kept_new(const struct outcome *outcome)
{
    size_t count = outcome->finding_count;
    struct outcome copy = *outcome;
    struct slice *texts[TEXTS_OUTCOME];
    struct slice *of_finding[TEXTS_FINDING];

    copy.out = shorten(&outcome->out);
    copy.err = shorten(&outcome->err);
    list_texts(&copy, texts);
    size_t bytes = count_bytes(texts, TEXTS_OUTCOME);
    for (size_t i = 0; i < count; i++) {
        struct finding finding = outcome->findings[i];
        list_finding(&finding, of_finding);
        bytes += count_bytes(of_finding, TEXTS_FINDING);
    }
    // One block: the outcome, its findings, their texts.
    size_t head = sizeof(struct kept) + count * sizeof(struct finding);
    struct kept *kept = alloc_zero(1, head + bytes);
    struct finding *findings = (struct finding *)(void *)(kept + 1);
    char *room = (char *)kept + head;
    room = move_texts(texts, TEXTS_OUTCOME, room);
    for (size_t i = 0; i < count; i++) {
        findings[i] = outcome->findings[i];
        list_finding(&findings[i], of_finding);
        room = move_texts(of_finding, TEXTS_FINDING, room);
    }
    copy.findings = findings;
    kept->outcome = copy;
    return kept;
}

void
kept_free(struct kept *kept)
{
    free(kept);
}
