#include "command/history_move.h"

#include "command/adopt.h"
#include "command/command.h"
#include "store/travel.h"
#include "util/alloc.h"
#include "util/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *
plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

/*
 * What is there but for a recording belongs to it. NULL with err: there is no
 * store.
 */
static struct store *
open_whole(const struct site *site, struct err *err)
{
    uint32_t left = 0;
    struct store *store = store_open(site->folder, STORE_READS, err);
    if (store == NULL && err->kind != ERR_NOTHING) {
        return NULL;
    }
    if (adopt_all_cut_builds(site, store, &left)) {
        store_close(store);
        err_clear(err);
        store = store_open(site->folder, STORE_READS, err);
    }
    if (store != NULL && left > 0) {
        char *text =
            alloc_printf("%" PRIu32 " build%s that %s cut off %s not "
                         "in the file",
                         left, plural(left), left == 1 ? "was" : "were",
                         left == 1 ? "is" : "are");
        command_say("warning: ", text);
        command_say("hint: ", "export in the folder where mule was killed; "
                              "elsewhere its words may mean other tests");
        free(text);
    }
    return store;
}

bool
history_export(const struct site *site, const struct settings *settings,
               struct err *err)
{
    if (settings->labels.count != 2) {
        err_set(err, ERR_USAGE, "mule history export takes one file");
        return err_hint(err, "mule history export mule-history.db");
    }
    const char *path = settings->labels.at[1];
    struct store *store = open_whole(site, err);
    struct travelled travelled = {0};
    bool fine =
        store != NULL &&
        travel_export(store, path, settings->with_recordings, &travelled, err);
    if (fine) {
        printf(
            "%" PRIu32 " build%s and %" PRIu32 " recording%s in %s, %.1f MB\n",
            travelled.builds, plural(travelled.builds), travelled.recordings,
            plural(travelled.recordings), path, (double)travelled.bytes / 1e6);
    }
    store_close(store);
    return fine;
}

bool
history_import(const struct site *site, const struct settings *settings,
               struct err *err)
{
    if (settings->labels.count < 2) {
        err_set(err, ERR_USAGE, "mule history import needs a file");
        return err_hint(err, "one that `mule history export` wrote");
    }
    for (int i = 1; i < settings->labels.count; i++) {
        if (!path_is_file(settings->labels.at[i])) {
            return err_set(err, ERR_USAGE, "there is no file %.180s",
                           settings->labels.at[i]);
        }
    }
    struct store *store = store_open(site->folder, STORE_WRITES, err);
    struct travelled travelled = {0};
    bool fine = store != NULL;
    for (int i = 1; i < settings->labels.count && fine; i++) {
        fine = travel_import(store, settings->labels.at[i], &travelled, err);
    }
    if (fine || travelled.builds > 0) {
        printf("%" PRIu32 " build%s and %" PRIu32 " recording%s added, %" PRIu32
               " known before\n",
               travelled.builds, plural(travelled.builds), travelled.recordings,
               plural(travelled.recordings), travelled.known);
    }
    store_close(store);
    return fine;
}
