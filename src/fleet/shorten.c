#include "fleet/shorten.h"

#include <stdlib.h>

#include "util/alloc.h"

// What one byte may become: \u0001, or, where it is not UTF-8, U+FFFD.
#define COST_MAX 6
// Names, numbers and punctuation around the texts of an update, of a finding.
#define UPDATE_FRAME 1024
#define FINDING_FRAME 160
// "\n[... 18446744073709551615 bytes left out ...]\n", escaped.
#define GAP_COST ((size_t)56)

/* A text that may be cut, or the two parts of an output. */
struct part {
    struct slice *text;
    struct output *output;
    size_t cost;
};

struct parts {
    struct part *items;
    size_t count;
    size_t capacity;
};

static size_t
byte_cost(unsigned char byte)
{
    if (byte >= 0x80) {
        return 3; // at most: most characters take as many bytes as they are
    }
    if (byte < 0x20) {
        return byte == '\n' || byte == '\t' || byte == '\r' ? 2 : COST_MAX;
    }
    if (byte == 0x7F) {
        return COST_MAX;
    }
    return byte == '"' || byte == '\\' ? 2 : 1;
}

static size_t
cost_of(struct slice text)
{
    size_t cost = 0;

    for (size_t i = 0; i < text.len; i++) {
        cost += byte_cost((unsigned char)text.data[i]);
    }
    return cost;
}

// The longest beginning, or end, that costs at most `most`.
static struct slice
first_part(struct slice text, size_t most)
{
    size_t cost = 0;
    size_t len = 0;

    while (len < text.len) {
        cost += byte_cost((unsigned char)text.data[len]);
        if (cost > most) {
            break;
        }
        len++;
    }
    return slice_first(text, len);
}

static struct slice
last_part(struct slice text, size_t most)
{
    size_t cost = 0;
    size_t at = text.len;

    while (at > 0) {
        cost += byte_cost((unsigned char)text.data[at - 1]);
        if (cost > most) {
            break;
        }
        at--;
    }
    return slice_skip(text, at);
}

// ------------------------------------------------------------ what there is

static void
add_text(struct parts *parts, struct slice *text)
{
    if (text->len > 0) {
        struct part part = {.text = text, .cost = cost_of(*text)};
        ARRAY_ADD(parts, part);
    }
}

static void
add_output(struct parts *parts, struct output *output)
{
    size_t cost = cost_of(output->head) + cost_of(output->tail);

    if (cost > 0) {
        struct part part = {.output = output, .cost = cost};
        ARRAY_ADD(parts, part);
    }
}

static void
add_finding(struct parts *parts, struct finding *finding)
{
    add_text(parts, &finding->where);
    add_text(parts, &finding->sub);
    add_text(parts, &finding->type);
    add_text(parts, &finding->message);
    add_text(parts, &finding->trace);
    add_text(parts, &finding->file);
}

// Of more findings than anybody reads, those at the end are left out.
static void
copy_outcome(struct shorten *shorten, struct update *update, size_t most)
{
    struct outcome *outcome = &shorten->outcome;

    *outcome = *update->outcome;
    if (outcome->finding_count > most) {
        outcome->finding_count = most;
    }
    shorten->findings =
        alloc_zero(outcome->finding_count, sizeof(struct finding));
    for (size_t i = 0; i < outcome->finding_count; i++) {
        shorten->findings[i] = outcome->findings[i];
    }
    outcome->findings = shorten->findings;
    update->outcome = outcome;
}

static void
add_outcome(struct parts *parts, struct shorten *shorten)
{
    for (size_t i = 0; i < shorten->outcome.finding_count; i++) {
        add_finding(parts, &shorten->findings[i]);
    }
    add_text(parts, &shorten->outcome.reason);
    add_output(parts, &shorten->outcome.out);
    add_output(parts, &shorten->outcome.err);
}

static void
list_parts(struct parts *parts, struct shorten *shorten, struct update *update)
{
    add_text(parts, &update->text);
    if (update->outcome != NULL) {
        add_outcome(parts, shorten);
    }
    if (update->kind == UPDATE_END) {
        add_text(parts, &update->end.problem);
        add_output(parts, &update->end.out);
        add_output(parts, &update->end.err);
    } else if (update->kind == UPDATE_APPEARED) {
        add_text(parts, &update->appeared.id);
        add_text(parts, &update->appeared.file);
    } else if (update->kind == UPDATE_LEAK) {
        add_text(parts, &update->leak.job);
        add_text(parts, &update->leak.id);
        add_text(parts, &update->leak.command);
    } else if (update->kind == UPDATE_NOTE) {
        add_text(parts, &update->note.text);
        add_text(parts, &update->note.hint);
    }
}

static size_t
frame_of(const struct update *update)
{
    size_t findings =
        update->outcome != NULL ? update->outcome->finding_count : 0;

    return UPDATE_FRAME + update->os_count * 24 + findings * FINDING_FRAME;
}

// ------------------------------------------------------------ cutting

/* What every text may cost, so that all together cost at most `budget`. */
static size_t
fair_share(const struct parts *parts, size_t budget)
{
    size_t share = 0;
    size_t before;

    do {
        size_t rest = budget;
        size_t large = 0;
        before = share;
        for (size_t i = 0; i < parts->count; i++) {
            if (parts->items[i].cost <= share) {
                rest -= parts->items[i].cost;
            } else {
                large++;
            }
        }
        if (large == 0) {
            break;
        }
        share = rest / large;
    } while (share > before);
    return share;
}

static void
cut_text(struct shorten *shorten, struct slice *text, size_t most)
{
    if (most < 2 * GAP_COST) {
        *text = first_part(*text, most);
        return;
    }
    struct slice head = first_part(*text, (most - GAP_COST) / 2);
    struct slice tail = last_part(*text, (most - GAP_COST) / 2);
    size_t gone = text->len - head.len - tail.len;
    struct buf joined = BUF_INIT(text->len + GAP_COST);

    buf_add_slice(&joined, head);
    buf_addf(&joined, "\n[... %zu bytes left out ...]\n", gone);
    buf_add_slice(&joined, tail);
    size_t len = joined.len;
    ARRAY_ADD(&shorten->texts, buf_take(&joined));
    *text = slice_make(ARRAY_LAST(&shorten->texts), len);
}

static void
cut_output(struct output *output, size_t most)
{
    bool whole = output->tail.len == 0;
    size_t len = output->head.len + output->tail.len;
    struct slice head = first_part(output->head, most / 2);
    struct slice rest =
        whole ? slice_skip(output->head, head.len) : output->tail;
    struct slice tail = last_part(rest, most / 2);

    output->cut += len - head.len - tail.len;
    output->head = head;
    output->tail = tail;
}

static void
cut_parts(struct shorten *shorten, struct parts *parts, size_t budget)
{
    size_t share = fair_share(parts, budget);

    for (size_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->items[i];
        if (part->cost <= share) {
            continue;
        }
        if (part->output != NULL) {
            cut_output(part->output, share);
        } else {
            cut_text(shorten, part->text, share);
        }
    }
}

// ----------------------------------------------------------- from outside

void
shorten_release(struct shorten *shorten)
{
    for (size_t i = 0; i < shorten->texts.count; i++) {
        free(shorten->texts.items[i]);
    }
    ARRAY_RELEASE(&shorten->texts);
    free(shorten->findings);
    shorten->findings = NULL;
}

void
shorten_update(struct shorten *shorten, struct update *update, size_t limit)
{
    struct parts parts = {0};

    assert(limit >= SHORTEN_LIMIT_MIN);
    if (update->outcome != NULL) {
        copy_outcome(shorten, update, limit / 2 / FINDING_FRAME);
    }
    list_parts(&parts, shorten, update);
    size_t frame = frame_of(update);
    cut_parts(shorten, &parts, frame < limit ? limit - frame : 0);
    ARRAY_RELEASE(&parts);
}
