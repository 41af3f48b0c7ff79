#include "report/trace_tracks.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"

#define MOST_TRACKS ((size_t)1 << 20)
#define MOST_NAME 65536

struct trace_tracks {
    struct map hosts;   // name -> its number, as a pointer
    struct map workers; // name -> number of its host
    struct map slots;   // "process:slot" -> track
    ARRAY(struct track *) tracks;
    uint32_t processes;
};

struct trace_tracks *
trace_tracks_new(void)
{
    return ALLOC(struct trace_tracks);
}

void
trace_tracks_free(struct trace_tracks *tracks)
{
    for (size_t i = 0; i < tracks->tracks.count; i++) {
        buf_release(&tracks->tracks.items[i]->job);
        free(tracks->tracks.items[i]);
    }
    ARRAY_RELEASE(&tracks->tracks);
    map_release(&tracks->hosts);
    map_release(&tracks->workers);
    map_release(&tracks->slots);
    free(tracks);
}

// Numbers as values of a map, which holds pointers to something.
static uint32_t
find_number(const struct map *map, struct slice key)
{
    return (uint32_t)(uintptr_t)map_find(map, key);
}

static void
set_number(struct map *map, struct slice key, uint32_t number)
{
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
    map_set(map, key, (void *)(uintptr_t)number);
}

void
trace_tracks_set_host(struct trace_tracks *tracks, struct slice host)
{
    tracks->processes = 1;
    set_number(&tracks->hosts, host, 1);
}

uint32_t
trace_tracks_join(struct trace_tracks *tracks, struct slice worker,
                  struct slice host, bool *first)
{
    uint32_t process = find_number(&tracks->hosts, host);

    *first = process == 0;
    if (process == 0) {
        process = ++tracks->processes;
        set_number(&tracks->hosts, host, process);
    }
    set_number(&tracks->workers, worker, process);
    return process;
}

uint32_t
trace_tracks_process(struct trace_tracks *tracks, struct slice worker,
                     bool *first)
{
    uint32_t process = 1;

    *first = false;
    if (worker.len > 0) {
        process = find_number(&tracks->workers, worker);
    }
    if (process == 0) {
        process = trace_tracks_join(tracks, worker, worker, first);
    }
    return process;
}

struct track *
trace_tracks_find(struct trace_tracks *tracks, uint32_t process, uint32_t slot,
                  bool *first)
{
    const uint32_t key[] = {process, slot};
    struct slice bytes = slice_make((const char *)key, sizeof(key));
    struct track *track = map_find(&tracks->slots, bytes);

    *first = false;
    if (track == NULL && tracks->tracks.count < MOST_TRACKS) {
        track = ALLOC(struct track);
        track->process = process;
        track->slot = slot;
        buf_init(&track->job, MOST_NAME);
        ARRAY_ADD(&tracks->tracks, track);
        map_set(&tracks->slots, bytes, track);
        *first = true;
    }
    return track;
}

struct track *
trace_tracks_next(struct trace_tracks *tracks, size_t *at)
{
    struct track *track = NULL;

    if (*at < tracks->tracks.count) {
        track = tracks->tracks.items[*at];
        ++*at;
    }
    return track;
}

static uint64_t
not_before(const struct track *track, uint64_t us)
{
    return us > track->end_us ? us : track->end_us;
}

uint64_t
trace_track_open(struct track *track, uint64_t us, const char *job)
{
    track->open = true;
    track->end_us = not_before(track, us);
    buf_reset(&track->job);
    buf_add_text(&track->job, job);
    return track->end_us;
}

uint64_t
trace_track_close(struct track *track, uint64_t us)
{
    track->open = false;
    track->end_us = not_before(track, us);
    return track->end_us;
}

struct track_span
trace_track_add(struct track *track, uint64_t began_us, uint64_t us)
{
    struct track_span span = {.began_us = not_before(track, began_us)};
    uint64_t end = began_us + us;

    span.us = end > span.began_us ? end - span.began_us : 0;
    track->end_us = span.began_us + span.us;
    return span;
}
