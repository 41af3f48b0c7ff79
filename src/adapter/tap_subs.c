#include "adapter/tap_subs.h"

#include "util/array.h"

#define SUB_NOTES_MAX ((size_t)16 << 10)
#define SUB_NAME_MAX 1000

struct slice
tap_name(struct keep *keep, uint32_t number, struct slice description)
{
    struct buf buf = BUF_INIT(description.len + 32);

    buf_addf(&buf, "%u", number);
    buf_add_text(&buf, description.len > 0 ? " - " : "");
    for (size_t i = 0; i < description.len; i++) {
        bool escape =
            description.data[i] == '\\' && i + 1 < description.len &&
            (description.data[i + 1] == '\\' || description.data[i + 1] == '#');
        i += escape ? 1 : 0;
        buf_add_char(&buf, description.data[i]);
    }
    struct slice name = keep_text(keep, buf_slice(&buf));
    buf_release(&buf);
    return name;
}

static void
cut(struct tap_subs *subs, size_t count)
{
    if (count < TAP_SUBS_MAX) {
        subs->dropped = 0;
    }
    while (subs->count > count) {
        struct tap_sub *sub = &ARRAY_POP(subs);

        clip_release(&sub->notes);
        keep_release(&sub->keep);
    }
}

void
tap_subs_clear(struct tap_subs *subs)
{
    cut(subs, 0);
}

void
tap_subs_release(struct tap_subs *subs)
{
    cut(subs, 0);
    ARRAY_RELEASE(subs);
}

static struct slice
name_sub(struct tap_sub *sub, const struct tap_line *line)
{
    return tap_name(&sub->keep, line->number,
                    slice_first(line->text, SUB_NAME_MAX));
}

// A point failed because of the failures from `first` on, in its subtest.
static void
adopt(struct tap_subs *subs, size_t first, unsigned depth,
      const struct tap_line *line)
{
    for (size_t i = first; i < subs->count; i++) {
        struct tap_sub *sub = &subs->items[i];
        struct slice name = name_sub(sub, line);

        sub->depth = depth;
        sub->name = keep_printf(&sub->keep, "%.*s > %.*s", SLICE_ARG(name),
                                SLICE_ARG(sub->name));
    }
}

bool
tap_subs_read(struct tap_subs *subs, unsigned depth,
              const struct tap_line *line)
{
    size_t deeper = subs->count;

    while (deeper > 0 && subs->items[deeper - 1].depth > depth) {
        deeper--;
    }
    if (line->ok || line->directive != TAP_NO_DIRECTIVE) {
        cut(subs, deeper);
        return false;
    }
    if (deeper < subs->count) {
        adopt(subs, deeper, depth, line);
        return false;
    }
    if (subs->count == TAP_SUBS_MAX) {
        subs->dropped++;
        return false;
    }
    ARRAY_ADD_ZERO(subs);
    struct tap_sub *sub = &ARRAY_LAST(subs);
    sub->depth = depth;
    sub->name = name_sub(sub, line);
    clip_init(&sub->notes, SUB_NOTES_MAX);
    return true;
}
