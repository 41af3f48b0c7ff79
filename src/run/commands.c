#include "run/commands.h"

#include "loop/deadline.h"
#include "run/leak.h"
#include "run/program.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_TICK_MS 50
// Deeper than any tree of tests; a link to a parent goes on for ever.
#define COMMANDS_DEPTH_MAX 64

struct commands {
    struct source source;
    struct executor executor;
    struct program_shared shared;
    struct program **programs;
    int count; // of programs: at least as many as there are slots
    struct deadline tick;
    bool draining;
    bool settling;
    struct items *collected;
    bool full; // there was no room for all of them
    const struct source_events *source_events;
    void *source_ctx;
};

static struct commands *
of_source(struct source *source)
{
    return (struct commands *)(void *)((char *)source -
                                       offsetof(struct commands, source));
}

static struct commands *
of_executor(struct executor *executor)
{
    return (struct commands *)(void *)((char *)executor -
                                       offsetof(struct commands, executor));
}

static struct commands_params *
params_of(struct commands *commands)
{
    return &commands->shared.params;
}

// ------------------------------------------------------------- the source

static void
add_program(struct commands *commands, const char *name)
{
    struct slice text = slice_of(name);
    bool file = params_of(commands)->settings->tap || path_is_file(name);
    uint32_t job = items_add_job(commands->collected,
                                 &(struct job_params){
                                     .name = text,
                                     .file = file ? text : (struct slice){0},
                                     .kind = JOB_COMMAND,
                                 });
    if (job == JOB_NONE ||
        items_add(commands->collected, job, text, 0) == ITEM_NONE) {
        commands->full = true;
    }
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All .t files below a folder, in the order of their names. */
static void
add_folder(struct commands *commands, const char *path, int depth)
{
    ARRAY(char *) names = {0};
    DIR *folder = depth < COMMANDS_DEPTH_MAX ? opendir(path) : NULL;
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            ARRAY_ADD(&names, path_join(path, entry->d_name));
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof(names.items[0]), compare_names);
    }
    for (size_t i = 0; i < names.count; i++) {
        char *name = names.items[i];
        size_t len = strlen(name);
        if (path_is_folder(name)) {
            add_folder(commands, name, depth + 1);
        } else if (len > 2 && strcmp(name + len - 2, ".t") == 0) {
            add_program(commands, name);
        }
        free(name);
    }
    ARRAY_RELEASE(&names);
}

static void
add_label(struct commands *commands, const char *label)
{
    bool tap = params_of(commands)->settings->tap;
    if (tap && path_is_folder(label)) {
        add_folder(commands, label, 0);
    } else if (!tap || path_is_file(label)) {
        add_program(commands, label);
    } else {
        commands->source_events->on_unknown(commands->source_ctx,
                                            slice_of(label),
                                            SLICE("there is no such file"));
    }
}

static void
collect_now(void *ctx)
{
    struct commands *commands = ctx;
    const struct settings *settings = params_of(commands)->settings;
    bool tap = settings->tap;
    for (int i = 0; i < settings->labels.count; i++) {
        const char *label = settings->labels.at[i];
        // A pattern is matched against what the other labels name.
        if (!tap || strpbrk(label, "*?[") == NULL || path_is_file(label)) {
            add_label(commands, label);
        }
    }
    struct err err = {0};
    if (commands->full) {
        err_set(&err, ERR_SYSTEM, "there are more programs than there is room");
    }
    commands->source_events->on_collected(commands->source_ctx,
                                          commands->full ? &err : NULL);
}

static void
source_collect(struct source *source, struct items *items, bool everything,
               const struct source_events *events, void *ctx)
{
    struct commands *commands = of_source(source);
    (void)everything; // there is nothing beside what was named
    commands->collected = items;
    commands->source_events = events;
    commands->source_ctx = ctx;
    loop_post(params_of(commands)->loop, collect_now, commands);
}

static void
source_finish(struct source *source)
{
    (void)source;
}

// ----------------------------------------------------------- the executor

/* Of the first `slots`. */
static uint32_t
count_free(const struct commands *commands, int slots)
{
    uint32_t count = 0;
    for (int i = 0; i < slots; i++) {
        count += program_is_free(commands->programs[i]);
    }
    return count;
}

static bool
is_idle(const struct commands *commands)
{
    return count_free(commands, commands->count) == (uint32_t)commands->count;
}

static void
on_settled(void *ctx)
{
    struct commands *commands = ctx;
    commands->shared.params.events->on_drained(commands->shared.ctx);
}

static void
go_on_draining(struct commands *commands)
{
    if (commands->draining && !commands->settling && is_idle(commands)) {
        commands->settling = true;
        guardians_settle(commands->shared.params.guardians, on_settled,
                         commands);
    }
}

static void
on_free(void *owner)
{
    go_on_draining(owner);
}

static void
on_tick(void *ctx)
{
    struct commands *commands = ctx;
    uint64_t now = (uint64_t)loop_now_us(params_of(commands)->loop);
    for (int i = 0; i < commands->count; i++) {
        program_tick(commands->programs[i], now);
    }
    if (!is_idle(commands)) {
        deadline_arm(&commands->tick, COMMANDS_TICK_MS);
    }
}

static uint32_t
executor_room(struct executor *executor, const struct demand *demand)
{
    struct commands *commands = of_executor(executor);
    (void)demand; // nothing lies behind a program
    return commands->draining
               ? 0
               : count_free(commands, params_of(commands)->slots);
}

static void
executor_start(struct executor *executor, const struct order *order)
{
    struct commands *commands = of_executor(executor);
    int slots = params_of(commands)->slots;
    int avoid = order->avoid - 1 - params_of(commands)->base;
    int free_slot = -1;
    for (int i = 0; i < slots; i++) {
        bool free = program_is_free(commands->programs[i]);
        if (free && (free_slot < 0 || free_slot == avoid)) {
            free_slot = i;
        }
    }
    if (free_slot >= 0) {
        program_start(commands->programs[free_slot], order);
    }
    if (!deadline_is_armed(&commands->tick)) {
        deadline_arm(&commands->tick, COMMANDS_TICK_MS);
    }
}

static void
executor_cancel(struct executor *executor, bool now)
{
    struct commands *commands = of_executor(executor);
    for (int i = 0; i < commands->count; i++) {
        program_cancel(commands->programs[i], now);
    }
}

static void
executor_cancel_order(struct executor *executor, uint32_t job, uint16_t attempt,
                      bool now)
{
    struct commands *commands = of_executor(executor);
    for (int i = 0; i < commands->count; i++) {
        if (program_has(commands->programs[i], job, attempt)) {
            program_cancel(commands->programs[i], now);
        }
    }
}

static struct program *
find_view(struct commands *commands, uint32_t job, struct order_view *view)
{
    for (int i = 0; i < commands->count; i++) {
        if (program_view(commands->programs[i], job, view)) {
            return commands->programs[i];
        }
    }
    return NULL;
}

static bool
executor_view(struct executor *executor, uint32_t job, struct order_view *view)
{
    return find_view(of_executor(executor), job, view) != NULL;
}

static void
executor_read(struct executor *executor, uint32_t job, int stream,
              uint64_t from, uint64_t to, struct buf *text)
{
    struct order_view view;
    struct program *program = find_view(of_executor(executor), job, &view);
    if (program != NULL) {
        program_read(program, stream, from, to, text);
    }
}

/* Makes more programs until there are `count`. */
static void
grow(struct commands *commands, int count)
{
    if (count <= commands->count) {
        return;
    }
    commands->programs = alloc_resize(commands->programs, (size_t)count,
                                      sizeof(struct program *));
    while (commands->count < count) {
        commands->programs[commands->count] =
            program_new(&commands->shared, commands->count);
        commands->count++;
    }
}

static bool
executor_resize(struct executor *executor, int slots, struct err *err)
{
    struct commands *commands = of_executor(executor);
    (void)err;
    workplace_grow(params_of(commands)->workplace, slots);
    grow(commands, slots);
    params_of(commands)->slots = slots;
    return true;
}

static void
executor_pause(struct executor *executor, bool paused)
{
    struct commands *commands = of_executor(executor);
    working_time_pause(&commands->shared.time, paused,
                       (uint64_t)loop_now_us(params_of(commands)->loop));
}

static void
executor_drain(struct executor *executor)
{
    struct commands *commands = of_executor(executor);
    commands->draining = true;
    go_on_draining(commands);
}

// ----------------------------------------------------------- from outside

struct commands *
commands_new(const struct commands_params *params)
{
    static const struct source_ops source_ops = {
        .collect = source_collect,
        .finish = source_finish,
    };
    static const struct executor_ops executor_ops = {
        .room = executor_room,
        .start = executor_start,
        .cancel = executor_cancel,
        .cancel_order = executor_cancel_order,
        .resize = executor_resize,
        .view = executor_view,
        .read = executor_read,
        .pause = executor_pause,
        .drain = executor_drain,
    };
    struct commands *commands = ALLOC(struct commands);
    commands->source.ops = &source_ops;
    commands->executor.ops = &executor_ops;
    commands->shared = (struct program_shared){
        .params = *params,
        .on_free = on_free,
        .owner = commands,
    };
    deadline_init(&commands->tick, params->loop, on_tick, commands);
    grow(commands, params->slots);
    return commands;
}

void
commands_listen(struct commands *commands, void *ctx)
{
    commands->shared.ctx = ctx;
}

void
commands_free(struct commands *commands)
{
    if (commands == NULL) {
        return;
    }
    deadline_release(&commands->tick);
    for (int i = 0; i < commands->count; i++) {
        program_free(commands->programs[i]);
    }
    free(commands->programs);
    free(commands);
}

void
commands_leaked(struct commands *commands, const struct guardian_leak *leak)
{
    const struct commands_params *params = params_of(commands);
    struct event_leak event;
    leak_describe(&event, leak, params->items, params->build_id);
    params->events->on_leak(commands->shared.ctx, &event);
}

struct source *
commands_source(struct commands *commands)
{
    return &commands->source;
}

struct executor *
commands_executor(struct commands *commands)
{
    return &commands->executor;
}
