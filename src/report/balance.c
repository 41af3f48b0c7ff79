#include "report/balance.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

enum {
    MOST_SLOTS = 1 << 16,
    FEW_SLOTS = 16, // shown one by one
    BAR_COLUMNS = 20,
    OTHER_COLUMNS = 44, // of a line, without its bar
};

struct slot {
    uint32_t tests;
    uint64_t busy_us;
};

struct balance {
    ARRAY(struct slot) slots;
    uint64_t began_us; // the first job
    bool began;
};

struct balance *
balance_new(void)
{
    return ALLOC(struct balance);
}

void
balance_free(struct balance *balance)
{
    if (balance != NULL) {
        ARRAY_RELEASE(&balance->slots);
        free(balance);
    }
}

static struct slot *
find_slot(struct balance *balance, int slot)
{
    if (slot < 0 || slot >= MOST_SLOTS) {
        return NULL;
    }
    while (balance->slots.count <= (size_t)slot) {
        ARRAY_ADD_ZERO(&balance->slots);
    }
    return &balance->slots.items[slot];
}

void
balance_add_test(struct balance *balance, int slot)
{
    struct slot *found = find_slot(balance, slot);

    if (found != NULL) {
        found->tests++;
    }
}

void
balance_begin(struct balance *balance, int slot, uint64_t now_us)
{
    if (!balance->began) {
        balance->began = true;
        balance->began_us = now_us;
    }
    find_slot(balance, slot); // one that never ends a job counts too
}

void
balance_add_job(struct balance *balance, int slot, uint64_t us)
{
    struct slot *found = find_slot(balance, slot);

    if (found != NULL) {
        found->busy_us += us;
    }
}

static unsigned
percent(uint64_t part, uint64_t whole)
{
    uint64_t share = whole > 0 ? (part * 100 + whole / 2) / whole : 0;

    return share < 100 ? (unsigned)share : 100;
}

static void
print_slot(const struct slot *slot, size_t number, uint64_t whole_us,
           struct sheet *sheet)
{
    char span[SHEET_SPAN_SIZE];

    sheet_add(sheet, STYLE_PLAIN, "  slot %-3zu %7" PRIu32 " %-5s %10s  ",
              number, slot->tests, slot->tests == 1 ? "test" : "tests",
              sheet_seconds(span, slot->busy_us));
    unsigned share = percent(slot->busy_us, whole_us);
    if (sheet->width > BAR_COLUMNS + OTHER_COLUMNS) {
        sheet_bar(sheet, STYLE_GOOD, share, 100, BAR_COLUMNS);
    }
    sheet_add(sheet, STYLE_PLAIN, " %3u %%\n", share);
}

void
balance_print(const struct balance *balance, struct sheet *sheet, uint64_t us)
{
    uint64_t whole_us = us > balance->began_us ? us - balance->began_us : 0;
    uint64_t busy_us = 0;
    size_t least = 0;
    size_t most = 0;
    size_t count = balance->slots.count;
    const struct slot *slots = balance->slots.items;

    if (count < 2) {
        return; // nothing to balance
    }
    for (size_t i = 0; i < count; i++) {
        busy_us += slots[i].busy_us;
        least = slots[i].busy_us < slots[least].busy_us ? i : least;
        most = slots[i].busy_us > slots[most].busy_us ? i : most;
    }
    sheet_add(sheet, STYLE_BOLD, "Workers: ");
    sheet_add(sheet, STYLE_PLAIN, "%zu slots, %u %% busy\n", count,
              percent(busy_us, whole_us * count));
    if (count <= FEW_SLOTS) {
        for (size_t i = 0; i < count; i++) {
            print_slot(&slots[i], i, whole_us, sheet);
        }
    } else {
        print_slot(&slots[least], least, whole_us, sheet);
        sheet_add(sheet, STYLE_DIM, "  ...\n");
        print_slot(&slots[most], most, whole_us, sheet);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}
