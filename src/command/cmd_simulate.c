#include "command/command.h"
#include "command/simulated.h"
#include "schedule/simulation.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/escape.h"
#include "util/now.h"
#include "util/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * mule simulate: the scheduler in virtual time, with the jobs of a recording
 * or of a distribution; what it decided and what that cost.
 */

struct cost {
    usec line_up; // processor time
    usec run;
    uint64_t bytes; // by which memory grew
};

/*
 * A line of /proc/self/status, in bytes; 0 where there is none. What getrusage
 * tells as the peak counts the program that this one was started by.
 */
static uint64_t
status_bytes(const char *name)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && kib == 0 &&
           fgets(line, sizeof(line), file) != NULL) {
        struct slice rest = slice_of(line);
        struct slice word = {0};
        if (slice_take(&rest, slice_of(name)) && slice_word(&rest, &word)) {
            slice_to_uint(word, UINT64_MAX / 1024, &kib);
        }
    }
    if (file != NULL) {
        (void)fclose(file); // it was only read
    }
    return kib * 1024;
}

static const char *
order_name(enum order_mode order)
{
    switch (order) {
    case ORDER_HISTORY:
        return "history";
    case ORDER_GIVEN:
        return "given";
    case ORDER_RANDOM:
        return "random";
    }
    return "";
}

static const char *
bound_name(enum simulation_bound bound)
{
    switch (bound) {
    case BOUND_SUM:
        return "all jobs on all slots";
    case BOUND_LONGEST:
        return "the longest job";
    case BOUND_RESOURCE:
        return "jobs that share a resource";
    }
    return "";
}

static double
ratio_of(const struct simulation_report *report)
{
    return report->bound_us > 0
               ? (double)report->makespan_us / (double)report->bound_us
               : 1;
}

static double
per_us(usec us, uint64_t count)
{
    return count > 0 ? (double)us / (double)count : 0;
}

static void
print_text(const struct simulated *simulated, const struct cost *cost,
           const struct simulation_report *report)
{
    double all = (double)cost->bytes;
    printf("%u jobs on %u slots, order %s\n", report->jobs, simulated->slots,
           order_name(simulated->order));
    printf("  all jobs     %14.3f s\n", (double)report->sum_us / 1e6);
    printf("  longest job  %14.3f s\n", (double)report->longest_us / 1e6);
    printf("  lower bound  %14.3f s  %s\n", (double)report->bound_us / 1e6,
           bound_name(report->bound));
    printf("  makespan     %14.3f s  x %.4f\n",
           (double)report->makespan_us / 1e6, ratio_of(report));
    if (simulated->recorded_us > 0) {
        printf("  recorded     %14.3f s  x %.4f\n",
               (double)simulated->recorded_us / 1e6,
               (double)simulated->recorded_us / (double)report->bound_us);
    }
    printf("  decisions    %14llu    %.2f us each, %.2f us a job to line up\n",
           (unsigned long long)report->decisions,
           per_us(cost->run, report->decisions),
           per_us(cost->line_up, report->jobs));
    printf("  memory       %14.1f MiB  %.0f bytes a job\n", all / (1024 * 1024),
           report->jobs > 0 ? all / report->jobs : 0);
}

static void
print_json(const struct simulated *simulated, const struct cost *cost,
           const struct simulation_report *report)
{
    printf("{\"jobs\":%u,\"slots\":%u,\"order\":\"%s\",\"sum_us\":%llu,"
           "\"longest_us\":%llu,\"bound_us\":%llu,\"bound\":\"%s\","
           "\"makespan_us\":%llu,\"ratio\":%.6f,",
           report->jobs, simulated->slots, order_name(simulated->order),
           (unsigned long long)report->sum_us,
           (unsigned long long)report->longest_us,
           (unsigned long long)report->bound_us, bound_name(report->bound),
           (unsigned long long)report->makespan_us, ratio_of(report));
    if (simulated->recorded_us > 0) {
        printf("\"recorded_us\":%llu,",
               (unsigned long long)simulated->recorded_us);
    }
    printf("\"decisions\":%llu,\"decision_us\":%.3f,\"line_up_us\":%.3f,"
           "\"bytes\":%llu}\n",
           (unsigned long long)report->decisions,
           per_us(cost->run, report->decisions),
           per_us(cost->line_up, report->jobs),
           (unsigned long long)cost->bytes);
}

static void
simulate(const struct simulated *simulated, bool json)
{
    uint64_t before = status_bytes("VmRSS:");
    struct simulation *simulation = simulation_new(&(struct simulation_params){
        .slots = simulated->slots,
        .order = simulated->order,
        .seed = simulated->seed,
        .units = simulated->units.items,
        .resources = (uint32_t)simulated->units.count,
    });
    simulated_add(simulated, simulation);
    usec began = now_cpu_usec();
    simulation_line_up(simulation);
    usec lined_up = now_cpu_usec();
    simulation_run(simulation);
    struct cost cost = {
        .line_up = lined_up - began,
        .run = now_cpu_usec() - lined_up,
    };
    uint64_t peak = status_bytes("VmHWM:");
    cost.bytes = peak > before ? peak - before : 0;
    if (json) {
        print_json(simulated, &cost, simulation_report(simulation));
    } else {
        print_text(simulated, &cost, simulation_report(simulation));
    }
    simulation_free(simulation);
}

int
cmd_simulate(int argc, char **argv)
{
    struct settings settings;
    struct simulated simulated = {0};
    struct err err = {0};
    int status = EXIT_PASSED;
    if (!command_configure(COMMAND_SIMULATE, argc, argv, &settings, &status)) {
        return status;
    }
    if (simulated_read(&simulated, &settings, &err)) {
        simulate(&simulated, settings.list_json);
    } else {
        status = command_fail(&err);
    }
    simulated_release(&simulated);
    settings_release(&settings);
    return status;
}
