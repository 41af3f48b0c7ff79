#include "command/list_times.h"

#include "report/writer.h"
#include "run/book.h"
#include "run/forecast.h"

#include <inttypes.h>
#include <unistd.h>

static void
ask(struct forecast *forecast, const struct settings *settings)
{
    for (uint32_t job = 0; job < items_job_count(forecast->items); job++) {
        struct terms terms;
        if (book_count_open(forecast->items, job) > 0) {
            terms_of_job(&terms, settings, forecast->items, job);
            forecast_add(forecast, job, &terms);
        }
    }
    forecast_settle(forecast);
}

static void
add_job(struct buf *buf, const struct forecast *forecast, uint32_t job)
{
    struct slice name = slice_of(items_job_name(forecast->items, job));
    uint64_t us = forecast_us(forecast, job);
    // A name that is no line of its own cannot be told.
    if (us > 0 && !slice_has(name, '\n')) {
        buf_addf(buf, "%" PRIu64 ".%06u ", us / 1000000,
                 (unsigned)(us % 1000000));
        buf_add_slice(buf, name);
        buf_add_char(buf, '\n');
    }
}

bool
list_times(struct items *items, const struct settings *settings,
           struct history *history, struct err *err)
{
    struct forecast forecast;
    struct writer writer;
    forecast_init(&forecast, history, items);
    ask(&forecast, settings);
    writer_init(&writer, STDOUT_FILENO);
    buf_add_text(&writer.buf, "# mule durations: seconds, name of the job\n");
    for (uint32_t job = 0; job < items_job_count(items); job++) {
        if (book_count_open(items, job) > 0) {
            add_job(&writer.buf, &forecast, job);
            writer_relieve(&writer);
        }
    }
    bool fine = writer_flush(&writer);
    if (!fine) {
        *err = writer.err;
        err_wrap(err, "printing the durations");
    }
    writer_release(&writer);
    forecast_release(&forecast);
    return fine;
}
