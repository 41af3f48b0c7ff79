#include "command/recorded.h"

#include "report/recording_reader.h"
#include "store/site.h"
#include "store/store.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/path.h"
#include "util/slice.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MOST_NAMED = 5
};

/*
 * A recording of a store. The name of its file need not be the id of its
 * build: an id may be used again, and then there is a file of that name.
 */
struct candidate {
    char *path;
    char *stem; // its file, without the ending
    char *id;   // of its build
    int64_t began_ms;
    struct timespec changed;
};

struct candidates {
    ARRAY(struct candidate) all; // the newest first
};

// ---------------------------------------------------------------- looking

/*
 * What its first event says. When a file was changed says nothing: it may have
 * been copied or imported, and who began last need not end last. One that says
 * nothing is older than all others.
 */
static void
read_beginning(struct candidate *candidate)
{
    struct err err = {0};
    struct recording_entry entry;
    struct recording_reader *reader =
        recording_reader_open(candidate->path, 0, &err);
    const char *id = NULL;
    candidate->began_ms = INT64_MIN;
    if (reader != NULL && recording_reader_next(reader, &entry)) {
        candidate->began_ms = entry.event.wall_ms;
        if (entry.event.kind == EVENT_RUN_STARTED) {
            id = entry.event.run.build_id;
        }
    }
    candidate->id = alloc_dup(id != NULL ? id : candidate->stem);
    recording_reader_free(reader);
}

static void
note_file(struct candidates *found, const char *folder, const char *name)
{
    struct slice stem = slice_of(name);
    struct slice end = SLICE(STORE_RECORDING_END);
    struct stat status;
    if (!slice_ends_with(stem, end)) {
        return;
    }
    struct candidate candidate = {.path = path_join(folder, name)};
    if (stat(candidate.path, &status) != 0 || !S_ISREG(status.st_mode)) {
        free(candidate.path);
        return;
    }
    candidate.stem = slice_dup(slice_first(stem, stem.len - end.len));
    candidate.changed = status.st_mtim;
    read_beginning(&candidate);
    ARRAY_ADD(&found->all, candidate);
}

/* Those that began at the same moment: who ended last is the newest. */
static int
compare_candidates(const void *a, const void *b)
{
    const struct candidate *first = a;
    const struct candidate *second = b;
    if (first->began_ms != second->began_ms) {
        return first->began_ms > second->began_ms ? -1 : 1;
    }
    if (first->changed.tv_sec != second->changed.tv_sec) {
        return first->changed.tv_sec > second->changed.tv_sec ? -1 : 1;
    }
    return (first->changed.tv_nsec < second->changed.tv_nsec) -
           (first->changed.tv_nsec > second->changed.tv_nsec);
}

static void
look(struct candidates *found, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        note_file(found, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (found->all.count > 1) {
        qsort(found->all.items, found->all.count, sizeof(*found->all.items),
              compare_candidates);
    }
}

static void
release(struct candidates *found)
{
    for (size_t i = 0; i < found->all.count; i++) {
        free(found->all.items[i].path);
        free(found->all.items[i].stem);
        free(found->all.items[i].id);
    }
    ARRAY_RELEASE(&found->all);
}

// --------------------------------------------------------------- choosing

/* The newest one that has it as its id, else the file of that name. */
static const struct candidate *
find_exact(const struct candidates *found, const char *word)
{
    const struct candidate *file = NULL;
    for (size_t i = 0; i < found->all.count; i++) {
        const struct candidate *candidate = &found->all.items[i];
        if (strcmp(candidate->id, word) == 0) {
            return candidate;
        }
        if (strcmp(candidate->stem, word) == 0) {
            file = candidate;
        }
    }
    return file;
}

/* The newest one of the only id that begins so. */
static const struct candidate *
find_beginning(const struct candidates *found, const char *word,
               struct err *err)
{
    struct slice beginning = slice_of(word);
    const struct candidate *newest = NULL;
    struct buf names = BUF_INIT(2000);
    struct map ids = {0};
    for (size_t i = 0; i < found->all.count; i++) {
        struct candidate *candidate = &found->all.items[i];
        struct slice id = slice_of(candidate->id);
        bool fits = slice_starts_with(id, beginning) ||
                    slice_starts_with(slice_of(candidate->stem), beginning);
        if (!fits || map_find(&ids, id) != NULL) {
            continue;
        }
        map_set(&ids, id, candidate);
        newest = newest != NULL ? newest : candidate;
        if (ids.count <= MOST_NAMED) {
            buf_addf(&names, "%s%.100s", ids.count > 1 ? ", " : "",
                     candidate->id);
        }
    }
    if (ids.count > 1) {
        err_set(err, ERR_USAGE,
                "there are %zu builds that begin with \"%.60s\"", ids.count,
                word);
        err_advise(err, "one of %s%s", buf_text(&names),
                   ids.count > MOST_NAMED ? ", ..." : "");
        newest = NULL;
    }
    map_release(&ids);
    buf_release(&names);
    return newest;
}

static char *
choose(const struct candidates *found, const char *folder, const char *word,
       struct err *err)
{
    const struct candidate *chosen = NULL;
    if (word == NULL) {
        chosen = found->all.count > 0 ? &found->all.items[0] : NULL;
    } else {
        chosen = find_exact(found, word);
        if (chosen == NULL) {
            chosen = find_beginning(found, word, err);
        }
    }
    if (chosen != NULL) {
        return alloc_dup(chosen->path);
    }
    if (err_is_set(err)) {
        return NULL;
    }
    if (word != NULL) {
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
    struct candidates found = {0};
    char *path = NULL;

    if (site_find(&site, settings, err)) {
        char *folder = store_recordings(site.folder);
        look(&found, folder);
        path = choose(&found, folder, word, err);
        free(folder);
    }
    release(&found);
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
