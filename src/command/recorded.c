#include "command/recorded.h"

#include "store/site.h"
#include "store/store.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"
#include "util/slice.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MOST_NAMED = 5
};

/* What was found among the recordings of a store. */
struct found {
    char *exact;  // the name of the file
    char *newest; // of those that fit
    struct timespec changed;
    int count;        // that fit
    struct buf names; // of the first ones
};

static bool
is_newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec
                                  : a->tv_nsec > b->tv_nsec;
}

static void
note_file(struct found *found, const char *folder, const char *name,
          const char *word)
{
    struct slice id = slice_of(name);
    struct slice end = slice_of(STORE_RECORDING_END);
    struct stat status;

    if (!slice_ends_with(id, end)) {
        return;
    }
    id = slice_first(id, id.len - end.len);
    if (word != NULL && !slice_starts_with(id, slice_of(word))) {
        return;
    }
    char *path = path_join(folder, name);
    bool is_file = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    free(path);
    if (!is_file) {
        return;
    }
    if (++found->count <= MOST_NAMED) {
        buf_addf(&found->names, "%s%.*s", found->count > 1 ? ", " : "",
                 SLICE_ARG(id));
    }
    if (word != NULL && slice_equals_text(id, word)) {
        found->exact = alloc_dup(name);
    }
    if (found->newest == NULL || is_newer(&status.st_mtim, &found->changed)) {
        free(found->newest);
        found->newest = alloc_dup(name);
        found->changed = status.st_mtim;
    }
}

static void
look(struct found *found, const char *folder, const char *word)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        note_file(found, folder, entries[i]->d_name, word);
        free(entries[i]);
    }
    free(entries);
}

static char *
choose(const struct found *found, const char *folder, const char *word,
       struct err *err)
{
    if (found->exact != NULL) {
        return path_join(folder, found->exact);
    }
    if (found->count == 1 || (found->count > 0 && word == NULL)) {
        return path_join(folder, found->newest);
    }
    if (found->count > 1) {
        err_set(err, ERR_USAGE, "there are %d builds that begin with \"%.60s\"",
                found->count, word);
        err_advise(err, "one of %s%s", buf_text(&found->names),
                   found->count > MOST_NAMED ? ", ..." : "");
    } else if (word != NULL) {
        err_set(err, ERR_USAGE,
                "there is no recording of a build \"%.60s\" in %s", word,
                folder);
        err_hint(err, "`mule history` names the builds; the file of a "
                      "recording will do as well");
    } else {
        err_set(err, ERR_USAGE, "there is no recording in %s", folder);
        err_hint(err, "`mule test` makes one, unless --no-store is given; or "
                      "name the file of a recording");
    }
    return NULL;
}

static char *
find_in_store(const struct settings *settings, const char *word,
              struct err *err)
{
    struct site site = {0};
    struct found found = {.names = BUF_INIT(200)};
    char *path = NULL;

    if (site_find(&site, settings, err)) {
        char *folder = store_recordings(site.folder);
        look(&found, folder, word);
        path = choose(&found, folder, word, err);
        free(folder);
    }
    free(found.exact);
    free(found.newest);
    buf_release(&found.names);
    site_release(&site);
    return path;
}

char *
recorded_find(const struct settings *settings, const char *word,
              struct err *err)
{
    if (word != NULL && (path_is_file(word) || strchr(word, '/') != NULL)) {
        return alloc_dup(word);
    }
    return find_in_store(settings, word, err);
}
