#include "config/cpus.h"

#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/os_machine.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"

enum {
    FILE_MAX = 65536,
    FOLDERS_MAX = 64
};

bool
cpus_read_max(struct slice text, double *cpus)
{
    struct slice quota;
    struct slice period;
    uint64_t allowed = 0;
    uint64_t of = 0;

    if (!slice_word(&text, &quota) || !slice_word(&text, &period) ||
        !slice_to_uint(quota, UINT32_MAX, &allowed) ||
        !slice_to_uint(period, UINT32_MAX, &of) || allowed == 0 || of == 0) {
        return false;
    }
    *cpus = (double)allowed / (double)of;
    return true;
}

bool
cpus_read_cfs(struct slice quota, struct slice period, double *cpus)
{
    int64_t allowed = 0;
    int64_t of = 0;

    // A quota of -1 is none.
    if (!slice_to_int(slice_trim(quota), 1, UINT32_MAX, &allowed) ||
        !slice_to_int(slice_trim(period), 1, UINT32_MAX, &of)) {
        return false;
    }
    *cpus = (double)allowed / (double)of;
    return true;
}

static bool
read_file(const char *folder, const char *name, struct buf *text)
{
    char *path = path_join(folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t room = 0;
    ssize_t got = 0;

    free(path);
    if (fd < 0) {
        return false;
    }
    do {
        char *place = buf_room(text, 4096, &room);
        got = room > 0 ? read(fd, place, room) : 0;
        if (got > 0) {
            buf_grew(text, (size_t)got);
        }
    } while (got > 0);
    close(fd);
    return got == 0;
}

static bool
read_quota(const char *folder, double *cpus)
{
    struct buf first = BUF_INIT(FILE_MAX);
    struct buf second = BUF_INIT(FILE_MAX);
    bool found = false;

    if (read_file(folder, "cpu.max", &first)) {
        found = cpus_read_max(buf_slice(&first), cpus);
    } else if (read_file(folder, "cpu.cfs_quota_us", &first) &&
               read_file(folder, "cpu.cfs_period_us", &second)) {
        found = cpus_read_cfs(buf_slice(&first), buf_slice(&second), cpus);
    }
    buf_release(&first);
    buf_release(&second);
    return found;
}

// The tightest quota from `group` up to the root, which may be all that can be
// seen from inside a container.
static bool
find_tightest(const char *root, struct slice group, double *cpus)
{
    bool found = false;

    for (int i = 0; i < FOLDERS_MAX; i++) {
        double quota = 0;
        char *folder = alloc_printf("%s%.*s", root, SLICE_ARG(group));
        if (read_quota(folder, &quota)) {
            *cpus = found && *cpus < quota ? *cpus : quota;
            found = true;
        }
        free(folder);
        if (group.len == 0) {
            break;
        }
        do {
            group.len--;
        } while (group.len > 0 && group.data[group.len] != '/');
    }
    return found;
}

static bool
has_controller(struct slice list, const char *name)
{
    struct slice controller;

    while (slice_split(&list, ',', &controller)) {
        if (slice_equals_text(controller, name)) {
            return true;
        }
    }
    return false;
}

bool
cpus_find_quota(struct slice groups, const char *root, double *cpus)
{
    struct slice line;

    // "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1.
    while (slice_split(&groups, '\n', &line)) {
        struct slice number;
        struct slice list;
        if (!slice_split(&line, ':', &number) ||
            !slice_split(&line, ':', &list) ||
            (list.len > 0 && !has_controller(list, "cpu"))) {
            continue;
        }
        char *mounted = list.len > 0 ? path_join(root, "cpu") : alloc_dup(root);
        bool found = find_tightest(mounted, line, cpus);
        free(mounted);
        if (found) {
            return true;
        }
    }
    return false;
}

int
cpus_usable(void)
{
    struct buf groups = BUF_INIT(FILE_MAX);
    int count = os_machine_cpus();
    double quota = 0;

    if (read_file("/proc/self", "cgroup", &groups) &&
        cpus_find_quota(buf_slice(&groups), "/sys/fs/cgroup", &quota) &&
        ceil(quota) < count) {
        count = (int)ceil(quota);
    }
    buf_release(&groups);
    return count > 0 ? count : 1;
}
