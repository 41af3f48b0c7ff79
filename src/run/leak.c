#include "run/leak.h"

void
leak_describe(struct event_leak *event, const struct guardian_leak *leak,
              const struct items *items, const char *build_id)
{
    *event = (struct event_leak){
        .job = "",
        .id = "",
        .pid = (int)leak->pid,
        .command = leak->command,
    };
    struct slice rest = slice_of(leak->job);
    struct slice number;
    uint64_t job = 0;
    if (slice_take(&rest, slice_of(build_id)) &&
        slice_take(&rest, SLICE(".")) && slice_split(&rest, '.', &number) &&
        slice_to_uint(number, UINT32_MAX, &job) &&
        job < items_job_count(items)) {
        event->job = items_job_name(items, (uint32_t)job);
    }
}
