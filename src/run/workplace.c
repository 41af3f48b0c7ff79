#include "run/workplace.h"

#include "loop/sweep.h"
#include "run/variables.h"
#include "util/alloc.h"
#include "util/map.h"
#include "util/now.h"
#include "util/path.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// sockaddr_un has 108 bytes; the name of the socket needs some of them.
#define WORKPLACE_PATH_MAX 90

/* Would tell a test, or all who read its output, how to reach a broker. */
static const char *const secrets[] = {
    "MULE_BROKER", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND",
    "MULE_SECRET", "MULE_SECRET_FILE",  NULL,
};

struct slot_folder {
    char *path;
    struct timespec changed; // its ctime when it was made
    bool settled;            // was empty when that ctime was old enough
};

struct workplace {
    char *folder;
    char *socket;
    struct slot_folder *lanes; // WORKPLACE_LANES for each slot, made when used
    int slot_count;
    char hash_seed[16];
    char *build_id;
    struct variables environment;
};

/* A seed that the build id alone decides: the same id runs the same way. */
static void
draw_hash_seed(struct workplace *workplace, const char *given)
{
    uint64_t value = 0;
    if (given == NULL) {
        given = getenv("PYTHONHASHSEED");
    }
    if (given != NULL && slice_to_uint(slice_of(given), UINT32_MAX, &value)) {
        snprintf(workplace->hash_seed, sizeof(workplace->hash_seed), "%s",
                 given);
        return;
    }
    uint64_t hash = map_hash(slice_of(workplace->build_id));
    snprintf(workplace->hash_seed, sizeof(workplace->hash_seed), "%u",
             (unsigned)(hash % UINT32_MAX));
}

static void
make_environment(struct workplace *workplace,
                 const struct workplace_params *params)
{
    struct variables *environment = &workplace->environment;
    draw_hash_seed(workplace, params->hash_seed);
    variables_set(environment, "MULE", "1");
    variables_set(environment, SWEEP_SERVICE, NULL); // of a mule around this
    variables_set(environment, "MULE_BUILD_ID", workplace->build_id);
    variables_set_number(environment, "MULE_SLOTS",
                         params->total > 0 ? params->total : params->slots);
    variables_set(environment, "PYTHONHASHSEED", workplace->hash_seed);
    for (size_t i = 0; secrets[i] != NULL; i++) {
        variables_set(environment, secrets[i], NULL);
    }
    if (getenv("OMP_NUM_THREADS") == NULL) {
        int threads = params->cpus / params->slots;
        variables_set_number(environment, "OMP_NUM_THREADS",
                             threads > 0 ? threads : 1);
    }
}

static bool
make_slot(struct slot_folder *slot, struct err *err)
{
    if (mkdir(slot->path, 0700) != 0) {
        return err_set_errno(err, ERR_SYSTEM, errno, "make %s", slot->path);
    }
    struct stat status;
    if (stat(slot->path, &status) != 0) {
        return err_set_errno(err, ERR_SYSTEM, errno, "look at %s", slot->path);
    }
    slot->changed = status.st_ctim;
    slot->settled = false;
    return true;
}

static bool
is_empty(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false;
    }
    int entries = 0;
    while (entries <= 2 && readdir(folder) != NULL) {
        entries++;
    }
    closedir(folder);
    return entries <= 2;
}

/*
 * Whether the folder is as it was made. Its ctime moves with every entry that
 * comes or goes, but in steps of a few milliseconds: what happened in the step
 * in which it was made does not show. So it is read once, later than that.
 */
static bool
is_untouched(struct slot_folder *slot)
{
    struct stat status;
    if (lstat(slot->path, &status) != 0 || !S_ISDIR(status.st_mode) ||
        (status.st_mode & 07777) != 0700 ||
        status.st_ctim.tv_sec != slot->changed.tv_sec ||
        status.st_ctim.tv_nsec != slot->changed.tv_nsec) {
        return false;
    }
    if (slot->settled) {
        return true;
    }
    if (!is_empty(slot->path)) {
        return false;
    }
    usec changed =
        (usec)slot->changed.tv_sec * 1000000 + slot->changed.tv_nsec / 1000;
    slot->settled = now_wall_usec() - changed > 50000;
    return true;
}

static bool
make_folders(struct workplace *workplace, const char *home, struct err *err)
{
    workplace->folder =
        path_make_private_in(home, "mule-", WORKPLACE_PATH_MAX, err);
    if (workplace->folder == NULL) {
        return false;
    }
    workplace->socket = path_join(workplace->folder, "socket");
    return true;
}

struct workplace *
workplace_new(const struct workplace_params *params, struct err *err)
{
    assert(params->slots > 0);
    struct workplace *workplace = ALLOC(struct workplace);
    workplace_grow(workplace, params->slots);
    workplace->build_id = alloc_dup(params->build_id);
    make_environment(workplace, params);
    if (!make_folders(workplace, params->home, err)) {
        err_wrap(err, "making the folder of the run");
        err_hint(err, "set TMPDIR to a folder with room that you may write");
        workplace_free(workplace);
        return NULL;
    }
    return workplace;
}

void
workplace_grow(struct workplace *workplace, int slots)
{
    size_t before = (size_t)workplace->slot_count * WORKPLACE_LANES;
    size_t count = (size_t)slots * WORKPLACE_LANES;
    if (count <= before) {
        return;
    }
    workplace->lanes =
        alloc_resize(workplace->lanes, count, sizeof(*workplace->lanes));
    memset(&workplace->lanes[before], 0,
           (count - before) * sizeof(*workplace->lanes));
    workplace->slot_count = slots;
}

void
workplace_free(struct workplace *workplace)
{
    if (workplace == NULL) {
        return;
    }
    if (workplace->folder != NULL) {
        // What cannot be removed is in nobody's way; doctor names it.
        struct err ignored = {0};
        path_remove_tree(workplace->folder, &ignored);
    }
    for (int i = 0; i < workplace->slot_count * WORKPLACE_LANES; i++) {
        free(workplace->lanes[i].path);
    }
    free(workplace->lanes);
    free(workplace->folder);
    free(workplace->socket);
    free(workplace->build_id);
    variables_release(&workplace->environment);
    free(workplace);
}

const char *const *
workplace_secrets(void)
{
    return secrets;
}

const char *
workplace_folder(const struct workplace *workplace)
{
    return workplace->folder;
}

const char *
workplace_socket(const struct workplace *workplace)
{
    return workplace->socket;
}

const char *
workplace_tmp(struct workplace *workplace, int slot, int lane)
{
    assert(slot >= 0 && slot < workplace->slot_count);
    assert(lane >= 0 && lane < WORKPLACE_LANES);
    struct slot_folder *folder =
        &workplace->lanes[slot * WORKPLACE_LANES + lane];
    struct err ignored = {0};
    if (folder->path == NULL) {
        folder->path = alloc_printf("%s/t%d.%d", workplace->folder, slot, lane);
    } else if (is_untouched(folder)) {
        return folder->path;
    } else {
        path_remove_tree(folder->path, &ignored);
        err_clear(&ignored);
    }
    // Where it cannot be made the tests will say so better than mule could.
    make_slot(folder, &ignored);
    return folder->path;
}

const char *const *
workplace_environment(struct workplace *workplace)
{
    return variables_list(&workplace->environment);
}

const char *
workplace_hash_seed(const struct workplace *workplace)
{
    return workplace->hash_seed;
}
