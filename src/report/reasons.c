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
    char *name; // of the first one
    char *group;
    uint32_t count;
};

// Tests that were skipped, or did not run, for one reason.
struct reason {
    char *text;
    uint32_t count;
    ARRAY(struct entry) entries;
};

struct reasons {
    struct map places; // reason -> place in `all` + 1
    ARRAY(struct reason) all;
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
        struct reason *reason = &reasons->all.items[i];
        for (size_t k = 0; k < reason->entries.count; k++) {
            free(reason->entries.items[k].name);
            free(reason->entries.items[k].group);
        }
        ARRAY_RELEASE(&reason->entries);
        free(reason->text);
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

static struct reason *
find_reason(struct reasons *reasons, struct slice reason)
{
    reason = slice_first(reason, MOST_TEXT);
    uintptr_t place = (uintptr_t)map_find(&reasons->places, reason);
    if (place == 0) {
        if (reasons->all.count >= MOST_REASONS) {
            return NULL;
        }
        ARRAY_ADD_ZERO(&reasons->all);
        ARRAY_LAST(&reasons->all).text = keep(reason);
        place = reasons->all.count;
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        map_set(&reasons->places, reason, (void *)place);
    }
    return &reasons->all.items[place - 1];
}

// Counts one more `text` with that reason.
void
reasons_add(struct reasons *reasons, struct slice reason, struct slice name,
            struct slice group)
{
    struct reason *found = find_reason(reasons, reason);

    if (found == NULL) {
        reasons->more++;
        return;
    }
    found->count++;
    group = slice_first(group, MOST_TEXT);
    if (found->entries.count > 0 && group.len > 0) {
        struct entry *last = &ARRAY_LAST(&found->entries);
        if (slice_equals_text(group, last->group)) {
            last->count++;
            return;
        }
    }
    if (found->entries.count < MOST_IDS) {
        struct entry entry = {keep(name), keep(group), 1};
        ARRAY_ADD(&found->entries, entry);
    }
}

static void
print_reason(const struct reason *reason, bool all, struct sheet *sheet)
{
    char number[SHEET_SPAN_SIZE];
    uint32_t shown = 0;

    sheet_add(sheet, STYLE_PLAIN, "%7s  ", sheet_number(number, reason->count));
    sheet_text(sheet, STYLE_PLAIN,
               reason->text[0] != '\0' ? slice_of(reason->text)
                                       : SLICE("(no reason given)"));
    sheet_add(sheet, STYLE_PLAIN, "\n");
    for (size_t i = 0; i < reason->entries.count; i++) {
        const struct entry *entry = &reason->entries.items[i];
        // One more line instead of "and 1 more".
        if (!all && i >= FEW_IDS && reason->entries.count > FEW_IDS + 1) {
            break;
        }
        sheet_add(sheet, STYLE_PLAIN, "         ");
        sheet_text(sheet, STYLE_DIM,
                   slice_of(entry->count > 1 ? entry->group : entry->name));
        if (entry->count > 1) {
            sheet_add(sheet, STYLE_DIM, " (%" PRIu32 ")", entry->count);
        }
        sheet_add(sheet, STYLE_PLAIN, "\n");
        shown += entry->count;
    }
    if (shown < reason->count) {
        sheet_add(sheet, STYLE_DIM, "         and %s more\n",
                  sheet_number(number, reason->count - shown));
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
        print_reason(&reasons->all.items[i], all, sheet);
    }
    if (reasons->more > 0) {
        sheet_add(sheet, STYLE_DIM, "%7s  for other reasons\n",
                  sheet_number(number, reasons->more));
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}
