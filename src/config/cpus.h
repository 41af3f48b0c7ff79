/*
 * How many CPUs this process may use: those it is bound to, and no more than
 * the quota of its control groups, rounded up. Reads what Linux says of that;
 * elsewhere it is what the system counts.
 */
#ifndef CONFIG_CPUS_H
#define CONFIG_CPUS_H

#include <stdbool.h>

#include "util/slice.h"

/* At least 1. */
int cpus_usable(void);

/*
 * The quota of the control groups that `groups`, the text of
 * /proc/self/cgroup, names, with `root` for /sys/fs/cgroup. The tightest of
 * the group and all above it. False when there is none.
 */
bool cpus_find_quota(struct slice groups, const char *root, double *cpus);

/* cpu.max of version 2: "150000 100000", "max 100000". False: no quota. */
bool cpus_read_max(struct slice text, double *cpus);

/* cpu.cfs_quota_us and cpu.cfs_period_us of version 1. False: no quota. */
bool cpus_read_cfs(struct slice quota, struct slice period, double *cpus);

#endif
