/*
 * The inside of a desk, for the files it is made of: desk.c (orders that come,
 * wait and are given out) and desk_events.c (what is told of those that run).
 * Nobody else includes it.
 */
#ifndef FLEET_DESK_INTERNAL_H
#define FLEET_DESK_INTERNAL_H

#include "fleet/desk.h"
#include "loop/deadline.h"
#include "util/list.h"
#include "util/map.h"

/* An order and what became of it. */
struct errand {
    struct list_link link; // in `waiting` or `running`
    uint64_t key;          // its name
    struct order_name name;
    struct order_text text;
    char *texts[3];   // what it borrows
    uint32_t *places; // likewise, or NULL
    uint32_t job;     // here; JOB_NONE until it was looked for
    bool stopped;     // somebody asked for its end
    bool begun;       // that was told
};

struct desk {
    struct desk_params params;
    struct executor *executor; // NULL: not open
    struct list waiting;
    struct list running;
    size_t waiting_count;
    struct map errands; // by key
    struct finder finder;
    ARRAY(struct errand *) of_job; // what runs, by its number here
    struct order_places places;
    struct deadline full;
    struct err broken;
    bool cancelled;
    bool paused;
    bool giving;
    bool again; // something ended while orders were given out
};

// ------------------------------------------------------------------ desk.c

/* The place is done with it: its items may run again. */
void desk_finish(struct desk *desk, struct errand *errand);

// ----------------------------------------------------------- desk_events.c

void desk_tell(struct desk *desk, const struct update *update);
/* Tells that it began, unless that was told. */
void desk_tell_begun(struct desk *desk, struct errand *errand, int slot,
                     uint32_t process);

#endif
