#include "report/reasons.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"

enum {
    MOST_TEXT = 400, // bytes kept of any text
    MOST_REASONS = 200,
    MOST_IDS = 200, // kept of each reason
    FEW_IDS = 5,    // shown of each reason
};

struct entry {
    char *text;
    uint32_t count;
};

// Items that were skipped, or did not run, for one reason.
struct group {
    char *reason;
    uint32_t count;
    ARRAY(struct entry) entries;
};

struct reasons {
    struct map places; // reason -> place in `all` + 1
    ARRAY(struct group) all;
    uint32_t more; // items with a reason that is not kept
};

struct reasons *
reasons_new(void)
{
    return ALLOC(struct reasons);
}

void
reasons_free(struct reasons *reasons)
{
    if (reasons == NULL) {
        return;
    }
    for (size_t i = 0; i < reasons->all.count; i++) {
        struct group *group = &reasons->all.items[i];
        for (size_t k = 0; k < group->entries.count; k++) {
            free(group->entries.items[k].text);
        }
        ARRAY_RELEASE(&group->entries);
        free(group->reason);
    }
    ARRAY_RELEASE(&reasons->all);
    map_release(&reasons->places);
    free(reasons);
}

// A copy of text from outside, which may be of any length.
static char *
keep(struct slice text)
{
    return slice_dup(slice_first(text, MOST_TEXT));
}

static struct group *
find_group(struct reasons *reasons, struct slice reason)
{
    reason = slice_first(reason, MOST_TEXT);
    uintptr_t place = (uintptr_t)map_find(&reasons->places, reason);
    if (place == 0) {
        if (reasons->all.count >= MOST_REASONS) {
            return NULL;
        }
        ARRAY_ADD_ZERO(&reasons->all);
        ARRAY_LAST(&reasons->all).reason = keep(reason);
        place = reasons->all.count;
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        map_set(&reasons->places, reason, (void *)place);
    }
    return &reasons->all.items[place - 1];
}

// Counts one more `text` with that reason.
void
reasons_add(struct reasons *reasons, struct slice reason, struct slice name)
{
    struct group *group = find_group(reasons, reason);

    if (group == NULL) {
        reasons->more++;
        return;
    }
    group->count++;
    if (group->entries.count > 0) {
        struct entry *last = &ARRAY_LAST(&group->entries);
        if (slice_equals_text(slice_first(name, MOST_TEXT), last->text)) {
            last->count++;
            return;
        }
    }
    if (group->entries.count < MOST_IDS) {
        struct entry entry = {keep(name), 1};
        ARRAY_ADD(&group->entries, entry);
    }
}

static void
print_group(const struct group *group, bool all, struct sheet *sheet)
{
    char number[SHEET_SPAN_SIZE];
    uint32_t shown = 0;

    sheet_add(sheet, STYLE_PLAIN, "%7s  ", sheet_number(number, group->count));
    sheet_text(sheet, STYLE_PLAIN,
               group->reason[0] != '\0' ? slice_of(group->reason)
                                        : SLICE("(no reason given)"));
    sheet_add(sheet, STYLE_PLAIN, "\n");
    for (size_t i = 0; i < group->entries.count; i++) {
        const struct entry *entry = &group->entries.items[i];
        // One more line instead of "and 1 more".
        if (!all && i >= FEW_IDS && group->entries.count > FEW_IDS + 1) {
            break;
        }
        sheet_add(sheet, STYLE_PLAIN, "         ");
        sheet_text(sheet, STYLE_DIM, slice_of(entry->text));
        if (entry->count > 1) {
            sheet_add(sheet, STYLE_DIM, " (%" PRIu32 ")", entry->count);
        }
        sheet_add(sheet, STYLE_PLAIN, "\n");
        shown += entry->count;
    }
    if (shown < group->count) {
        sheet_add(sheet, STYLE_DIM, "         and %s more\n",
                  sheet_number(number, group->count - shown));
    }
    writer_relieve(&sheet->writer);
}

void
reasons_print(const struct reasons *reasons, const char *heading, bool all,
              struct sheet *sheet)
{
    char number[SHEET_SPAN_SIZE];
    uint32_t count = reasons->more;

    for (size_t i = 0; i < reasons->all.count; i++) {
        count += reasons->all.items[i].count;
    }
    if (count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_WARN, "%s: %s\n", heading,
              sheet_number(number, count));
    for (size_t i = 0; i < reasons->all.count; i++) {
        print_group(&reasons->all.items[i], all, sheet);
    }
    if (reasons->more > 0) {
        sheet_add(sheet, STYLE_DIM, "%7s  for other reasons\n",
                  sheet_number(number, reasons->more));
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}
