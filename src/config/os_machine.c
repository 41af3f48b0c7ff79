#include "config/os_machine.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/alloc.h"

enum {
    CPUS_MAX = 1 << 16,
    PATH_LONGEST = 65536
};

// The mask of a large machine does not fit into a cpu_set_t.
static int
count_affinity(void)
{
    int count = 0;

    for (int cpus = CPU_SETSIZE; cpus <= CPUS_MAX && count == 0; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        if (set == NULL) {
            alloc_failed(size);
        }
        bool fits = sched_getaffinity(0, size, set) == 0;
        bool is_over = !fits && errno != EINVAL;
        count = fits ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (is_over) {
            break;
        }
    }
    return count;
}

int
os_machine_cpus(void)
{
    int bound = count_affinity();
    long online = bound > 0 ? bound : sysconf(_SC_NPROCESSORS_ONLN);

    return online > 0 ? (int)online : 1;
}

char *
os_machine_executable(void)
{
    char *path = NULL;

    for (size_t size = 256; size <= PATH_LONGEST; size *= 2) {
        path = alloc_resize(path, size, 1);
        ssize_t len = readlink("/proc/self/exe", path, size);
        if (len <= 0) {
            break;
        }
        if ((size_t)len < size) {
            path[len] = '\0';
            return path;
        }
    }
    free(path);
    return NULL;
}
