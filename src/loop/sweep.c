#include "loop/sweep.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"

// Looking takes at most this part of the time.
#define COST_SHARE 50

// How soon to look again at what is being ended.
#define AGAIN_US 20000

// How long settling may take.
#define SETTLE_US 2000000

// Jobs and processes that are kept in mind; beyond it the oldest are
// forgotten, and found by settling.
#define MAX_SUSPECTS 4096
#define MAX_CONDEMNED 4096

// No leak is worth a queue without end.
#define MAX_QUEUE (1024UL * 1024)

#define MAX_TEXT 4096

void
sweep_init(struct sweep *sweep, const struct wards *wards, struct buf *out,
           usec grace)
{
    *sweep = (struct sweep){.wards = wards, .out = out, .grace = grace};
    buf_init(&sweep->text, MAX_TEXT);
    buf_init(&sweep->command, MAX_TEXT);
}

static void
remove_suspect(struct sweep *sweep, size_t index)
{
    free(sweep->suspects.items[index].tag);
    ARRAY_REMOVE(&sweep->suspects, index);
}

static void
add_suspect(struct sweep *sweep, struct suspect suspect)
{
    if (sweep->suspects.count == MAX_SUSPECTS) {
        remove_suspect(sweep, 0);
    }
    suspect.tag = suspect.tag != NULL && suspect.tag[0] != '\0'
                      ? alloc_dup(suspect.tag)
                      : NULL;
    ARRAY_ADD(&sweep->suspects, suspect);
}

void
sweep_add(struct sweep *sweep, const char *tag, pid_t group, usec now)
{
    struct suspect suspect = {.group = group, .due = now + SWEEP_PATIENCE_US};

    memcpy(&suspect.tag, &tag, sizeof(tag)); // copied, not kept
    add_suspect(sweep, suspect);
}

void
sweep_add_ward(struct sweep *sweep, const struct ward *ward, usec now)
{
    if (ward->zygote) {
        sweep->zygote_gone = true;
        return;
    }
    add_suspect(sweep, (struct suspect){.tag = ward->tag,
                                        .group = ward->pid,
                                        .due = now + SWEEP_PATIENCE_US,
                                        .orphans = true});
}

static void
settled(struct sweep *sweep)
{
    struct frame frame = {.kind = FRAME_SETTLED,
                          .settle = sweep->settle_number};

    sweep->settling = false;
    guardian_codec_put(sweep->out, &frame);
}

void
sweep_settle(struct sweep *sweep, uint32_t number, usec now)
{
    sweep->settling = true;
    sweep->settle_number = number;
    sweep->settle_from = now + SWEEP_PATIENCE_US;
    sweep->settle_until = now + SWEEP_PATIENCE_US + SETTLE_US;
    sweep->not_before = now;
}

void
sweep_nothing_left(struct sweep *sweep)
{
    while (sweep->suspects.count > 0) {
        remove_suspect(sweep, sweep->suspects.count - 1);
    }
    ARRAY_CLEAR(&sweep->condemned);
    if (sweep->settling) {
        settled(sweep);
    }
}

usec
sweep_next(const struct sweep *sweep)
{
    usec first = 0;

    if (sweep->settling || sweep->condemned.count > 0) {
        return sweep->not_before;
    }
    for (size_t i = 0; i < sweep->suspects.count; i++) {
        usec due = sweep->suspects.items[i].due;
        first = first == 0 || due < first ? due : first;
    }
    return first != 0 && first < sweep->not_before ? sweep->not_before : first;
}

// All jobs that are due are of the kind whose leavings are our children, and
// we have no children but wards: then there is nothing to look for.
static bool
is_clean(const struct sweep *sweep, usec now)
{
    if (sweep->settling || sweep->condemned.count > 0) {
        return false;
    }
    for (size_t i = 0; i < sweep->suspects.count; i++) {
        const struct suspect *suspect = &sweep->suspects.items[i];
        if (suspect->due <= now && !suspect->orphans) {
            return false;
        }
    }
    for (size_t i = 0; i < sweep->children.count; i++) {
        if (wards_find_pid(sweep->wards, sweep->children.items[i]) == NULL) {
            return false;
        }
    }
    return true;
}

// Marks wards and what is below them. Parents come before their children.
static void
mark_wards(struct sweep *sweep)
{
    struct os_processes *found = &sweep->found;

    for (size_t i = 0; i < found->count; i++) {
        struct os_process *process = &found->items[i];
        process->marked = wards_find_pid(sweep->wards, process->pid) != NULL;
        for (size_t j = 0; j < i && !process->marked; j++) {
            process->marked = found->items[j].pid == process->parent &&
                              found->items[j].marked;
        }
    }
}

// The job that a process is left from, or NULL.
static struct suspect *
find_suspect(struct sweep *sweep, const struct os_process *process,
             bool has_job)
{
    for (size_t i = 0; i < sweep->suspects.count; i++) {
        struct suspect *suspect = &sweep->suspects.items[i];
        if (suspect->group != 0 && (suspect->group == process->group ||
                                    suspect->group == process->session)) {
            return suspect;
        }
        if (has_job && suspect->tag != NULL &&
            strcmp(suspect->tag, buf_text(&sweep->text)) == 0) {
            return suspect;
        }
    }
    return NULL;
}

// Whether the process belongs to nobody although it matches no job: there is
// no ward that it could belong to, and never was one that leaves workers.
static bool
is_stray(const struct sweep *sweep, const struct os_process *process, usec now)
{
    if (process->marked) {
        return false;
    }
    if (sweep->settling) {
        return true;
    }
    if (sweep->zygote_gone) {
        return false;
    }
    for (size_t i = 0; i < sweep->suspects.count; i++) {
        if (sweep->suspects.items[i].due > now) {
            return false; // it may be from this one, which has some time left
        }
    }
    for (size_t i = 0; i < sweep->wards->count; i++) {
        if (!sweep->wards->items[i].exited) {
            return false;
        }
    }
    return true;
}

static void
report(struct sweep *sweep, const struct os_process *process, const char *job)
{
    os_process_command(process->pid, &sweep->command);
    struct frame frame = {.kind = FRAME_LEAK,
                          .leak = {.pid = process->pid,
                                   .group = process->group,
                                   .job = job,
                                   .command = buf_text(&sweep->command)}};
    if (sweep->out->len < MAX_QUEUE) {
        guardian_codec_put(sweep->out, &frame);
    }
}

static struct condemned *
find_condemned(struct sweep *sweep, const struct os_process *process)
{
    for (size_t i = 0; i < sweep->condemned.count; i++) {
        struct condemned *condemned = &sweep->condemned.items[i];
        if (condemned->pid == process->pid &&
            condemned->started == process->started) {
            return condemned;
        }
    }
    return NULL;
}

// Reports a process, and asks it to end.
static void
condemn(struct sweep *sweep, const struct os_process *process, const char *job,
        usec now)
{
    if (sweep->condemned.count == MAX_CONDEMNED) {
        return;
    }
    report(sweep, process, job);
    os_signal_process(process, SIGTERM);
    os_signal_process(process, SIGCONT);
    ARRAY_ADD(&sweep->condemned,
              ((struct condemned){.pid = process->pid,
                                  .started = process->started,
                                  .kill_at = now + sweep->grace,
                                  .alive = true}));
}

enum verdict {
    VERDICT_STAYS = 1,
    VERDICT_WAITS, // for its time to end by itself
    VERDICT_KNOWN, // it was told to end
    VERDICT_NEW,
};

// Whether a process is still given time to end by itself.
static bool
is_early(const struct sweep *sweep, const struct suspect *suspect, usec now)
{
    return sweep->settling ? now < sweep->settle_from
                           : suspect != NULL && suspect->due > now;
}

static bool
is_service(struct sweep *sweep, const struct os_process *process)
{
    return os_process_variable(process->pid, SWEEP_SERVICE, &sweep->command);
}

// Judges one process, and ends it if it is to go.
static enum verdict
judge(struct sweep *sweep, const struct os_process *process, usec now)
{
    if (process->zombie || wards_find_pid(sweep->wards, process->pid) != NULL) {
        return VERDICT_STAYS;
    }
    struct condemned *known = find_condemned(sweep, process);
    bool has_job = known == NULL &&
                   os_process_variable(process->pid, "MULE_JOB", &sweep->text);
    struct suspect *suspect = find_suspect(sweep, process, has_job);
    if (suspect != NULL && suspect->due <= now) {
        suspect->alive = true; // it may have left more
    }
    if (known != NULL) {
        known->alive = true;
        if (now >= known->kill_at) {
            os_signal_process(process, SIGKILL);
        }
        return VERDICT_KNOWN;
    }
    if (suspect == NULL &&
        (!is_stray(sweep, process, now) || is_service(sweep, process))) {
        return VERDICT_STAYS;
    }
    if (is_early(sweep, suspect, now)) {
        return VERDICT_WAITS;
    }
    if (suspect == NULL && sweep->suspects.count == 1) {
        suspect = &sweep->suspects.items[0];
    }
    const char *job = has_job ? buf_text(&sweep->text) : "";
    if (!has_job && suspect != NULL && suspect->tag != NULL) {
        job = suspect->tag;
    }
    condemn(sweep, process, job, now);
    return VERDICT_NEW;
}

// Jobs that left nothing are forgotten; the others are looked at again.
static void
forget_suspects(struct sweep *sweep, usec now)
{
    for (size_t i = sweep->suspects.count; i > 0; i--) {
        struct suspect *suspect = &sweep->suspects.items[i - 1];
        if (suspect->alive) {
            suspect->alive = false;
            suspect->due = now + AGAIN_US;
        } else if (suspect->due <= now) {
            remove_suspect(sweep, i - 1);
        }
    }
}

static void
remove_condemned(struct sweep *sweep, size_t index)
{
    ARRAY_REMOVE(&sweep->condemned, index);
}

// Processes that have ended.
static void
forget_condemned(struct sweep *sweep)
{
    for (size_t i = sweep->condemned.count; i > 0; i--) {
        struct condemned *condemned = &sweep->condemned.items[i - 1];
        if (condemned->alive) {
            condemned->alive = false;
        } else {
            remove_condemned(sweep, i - 1);
        }
    }
}

// When to look again: later where looking is dear, but settling is waited for.
static usec
next_look(const struct sweep *sweep, usec began)
{
    usec now = now_usec();
    usec pause = (now - began) * COST_SHARE;

    if (sweep->settling && pause > AGAIN_US) {
        pause = AGAIN_US;
    }
    return now + (pause < AGAIN_US / 4 ? AGAIN_US / 4 : pause);
}

// Looks at everybody below. Says whether somebody is to go; *told: whether
// that was reported.
static bool
judge_all(struct sweep *sweep, usec now, bool *told)
{
    bool any = false;

    if (!os_find_below(&sweep->found, getpid())) {
        return false;
    }
    mark_wards(sweep);
    for (size_t i = 0; i < sweep->found.count; i++) {
        enum verdict verdict = judge(sweep, &sweep->found.items[i], now);
        any |= verdict != VERDICT_STAYS;
        *told |= verdict == VERDICT_NEW;
    }
    return any;
}

bool
sweep_run(struct sweep *sweep, usec now)
{
    usec next = sweep_next(sweep);
    bool told = false;
    bool any = false;

    if (next == 0 || next > now) {
        return false;
    }
    // Orphans come to us, so that without children there is nobody at all.
    bool listed = os_list_children(&sweep->children);
    if (listed && sweep->children.count == 0) {
        told = sweep->settling;
        sweep_nothing_left(sweep);
        return told;
    }
    if (!listed || !is_clean(sweep, now)) {
        any = judge_all(sweep, now, &told);
    }
    forget_suspects(sweep, now);
    forget_condemned(sweep);
    if (sweep->settling && (!any || now >= sweep->settle_until)) {
        settled(sweep);
        told = true;
    }
    sweep->not_before = next_look(sweep, now);
    return told;
}

void
sweep_shift(struct sweep *sweep, usec by)
{
    for (size_t i = 0; i < sweep->suspects.count; i++) {
        sweep->suspects.items[i].due += by;
    }
    for (size_t i = 0; i < sweep->condemned.count; i++) {
        sweep->condemned.items[i].kill_at += by;
    }
    sweep->settle_from += by;
    sweep->settle_until += by;
}
