#include "run/division.h"

#include "run/book.h"
#include "run/terms.h"

static bool
is_divisible(const struct settings *settings, const struct items *items,
             uint32_t job)
{
    uint8_t kind = items_peek_job(items, job)->kind;
    return settings->isolation == ISOLATION_TEST &&
           (kind == JOB_CLASS || kind == JOB_MODULE || kind == JOB_FILE);
}

/* Each of its items becomes a job of its own. */
static void
add_apart(struct queue *queue, struct items *items, uint32_t job,
          struct queue_wants wants)
{
    uint32_t count = items_peek_job(items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(items, job, i);
        if (book_is_open(items, item)) {
            queue_add(queue, items_split_job(items, job, &item, 1), wants);
        }
    }
}

void
division_fill(struct queue *queue, const struct settings *settings,
              struct items *items)
{
    uint32_t jobs = items_job_count(items); // dividing them adds more
    for (uint32_t job = 0; job < jobs; job++) {
        uint32_t open = book_count_open(items, job);
        struct terms terms;
        terms_of_job(&terms, settings, items, job);
        struct queue_wants wants = {.alone = terms.alone};
        if (open > 1 && is_divisible(settings, items, job)) {
            add_apart(queue, items, job, wants);
        } else if (open > 0) {
            queue_add(queue, job, wants);
        }
    }
}
