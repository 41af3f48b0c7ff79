#include "util/distance.h"

#include <stdbool.h>

// Names people mistype are shorter. What is longer is compared by its end,
// where names of tests differ.
#define LONGEST 255

static struct slice
last_part(struct slice word)
{
    return word.len > LONGEST ? slice_skip(word, word.len - LONGEST) : word;
}

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// One row of the classic table: the distances between the first `i` bytes of
// `a` and every beginning of `b`, from the two rows before it.
static void
fill_row(struct slice a, struct slice b, size_t i, size_t rows[3][LONGEST + 1])
{
    size_t *row = rows[i % 3];
    const size_t *above = rows[(i + 2) % 3];
    const size_t *two_above = rows[(i + 1) % 3];

    row[0] = i;
    for (size_t j = 1; j <= b.len; j++) {
        bool same = a.data[i - 1] == b.data[j - 1];
        size_t best = above[j - 1] + (same ? 0 : 1);
        best = smaller(best, above[j] + 1);
        best = smaller(best, row[j - 1] + 1);
        if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
            a.data[i - 2] == b.data[j - 1]) {
            best = smaller(best, two_above[j - 2] + 1);
        }
        row[j] = best;
    }
}

size_t
distance_between(struct slice a, struct slice b)
{
    size_t rows[3][LONGEST + 1];

    a = last_part(a);
    b = last_part(b);
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        fill_row(a, b, i, rows);
    }
    return rows[a.len % 3][b.len];
}

void
distance_offer(struct distance_nearest *nearest, struct slice candidate)
{
    size_t distance = distance_between(nearest->wanted, candidate);

    if (nearest->offered++ == 0 || distance < nearest->distance) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}

struct slice
distance_best(const struct distance_nearest *nearest)
{
    // A third of the word may be wrong, and one letter of a short one.
    size_t allowed = nearest->wanted.len / 3 + 1;

    if (nearest->offered == 0 || nearest->distance > allowed ||
        nearest->distance >= nearest->wanted.len) {
        return (struct slice){NULL, 0};
    }
    return nearest->best;
}
