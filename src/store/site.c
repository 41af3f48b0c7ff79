#include "store/site.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/escape.h"
#include "util/path.h"

// What settings_init has.
#define SITE_PATTERN "test*.py"
#define WORDS_MAX ((size_t)64 * 1024)

static bool
is_there(const char *folder, const char *name)
{
    struct stat status;
    char *path = path_join(folder, name);
    bool there = lstat(path, &status) == 0;

    free(path);
    return there;
}

/* The nearest folder upward that is a checkout, or NULL. */
static char *
find_checkout(const char *start)
{
    char *folder = alloc_dup(start);

    while (!is_there(folder, ".git") && !is_there(folder, ".hg")) {
        char *above = path_folder(folder);
        bool top = strcmp(above, folder) == 0 || strcmp(above, ".") == 0;
        free(folder);
        folder = above;
        if (top) {
            free(folder);
            return NULL;
        }
    }
    return folder;
}

static char *
current_folder(struct err *err)
{
    char *here = getcwd(NULL, 0);

    if (here == NULL) {
        err_set_errno(err, ERR_SYSTEM, errno, "find the current folder");
    }
    return here;
}

/* Links resolved where that can be done: names must be comparable. */
static char *
resolve(const char *path, struct err *err)
{
    char *real = realpath(path, NULL);

    return real != NULL ? real : path_absolute(path, err);
}

static char *
find_project(const struct settings *settings, struct err *err)
{
    if (settings->config_path != NULL) {
        char *folder = path_folder(settings->config_path);
        char *project = resolve(folder, err);
        free(folder);
        return project;
    }
    char *here = current_folder(err);
    char *checkout = here != NULL ? find_checkout(here) : NULL;
    if (checkout != NULL) {
        free(here);
        return checkout;
    }
    return here;
}

bool
site_find(struct site *site, const struct settings *settings, struct err *err)
{
    *site = (struct site){.project = find_project(settings, err)};
    if (site->project == NULL) {
        return false;
    }
    site->folder = settings->store != NULL ? path_absolute(settings->store, err)
                                           : path_join(site->project, ".mule");
    return site->folder != NULL;
}

void
site_release(struct site *site)
{
    free(site->project);
    free(site->folder);
    *site = (struct site){0};
}

/*
 * Where tests are looked for is a part of it, where that is not what the ids
 * are relative to: else a run that looks elsewhere would miss all the others.
 */
static void
add_discovery(struct buf *words, const struct settings *settings)
{
    if (settings->top != NULL &&
        strcmp(settings->top, settings->basedir) != 0) {
        buf_add_text(words, " --basedir ");
        escape_shell(words, slice_of(settings->basedir));
    }
    if (strcmp(settings->pattern, SITE_PATTERN) != 0) {
        buf_add_text(words, " --pattern ");
        escape_shell(words, slice_of(settings->pattern));
    }
}

static char *
make_words(const struct settings *settings)
{
    struct buf words = BUF_INIT(WORDS_MAX);

    if (settings->tap) {
        buf_add_text(&words, "tap");
    } else if (settings->runner != NULL) {
        buf_addf(&words, "runner %s", settings->runner);
    } else if (settings->suite != NULL) {
        buf_addf(&words, "adapter %s", settings->suite);
    } else if (settings->adapter.count > 0) {
        buf_add_text(&words, "adapter");
        for (int i = 0; i < settings->adapter.count; i++) {
            buf_add_char(&words, ' ');
            escape_shell(&words, slice_of(settings->adapter.at[i]));
        }
    } else {
        buf_add_text(&words, "unittest");
    }
    if (!settings->tap && settings->runner == NULL) {
        add_discovery(&words, settings);
    }
    return buf_take(&words);
}

/* What ids are relative to. Commands have no such folder: where they run. */
static const char *
choose_top(const struct settings *settings)
{
    if (settings->tap || settings->runner != NULL) {
        return ".";
    }
    return settings->top != NULL ? settings->top : settings->basedir;
}

/* `path` seen from `project`, or whole where it lies outside. */
static char *
relate(const char *project, const char *path)
{
    size_t len = strlen(project);

    if (strcmp(project, path) == 0) {
        return alloc_dup(".");
    }
    if (strncmp(project, path, len) == 0 && path[len] == '/') {
        return alloc_dup(path + len + 1);
    }
    return alloc_dup(path);
}

bool
suite_key_make(struct suite_key *key, const struct site *site,
               const struct settings *settings, struct err *err)
{
    *key = (struct suite_key){0};
    char *project = resolve(site->project, err);
    char *top = project != NULL ? resolve(choose_top(settings), err) : NULL;
    if (top != NULL) {
        key->folder = relate(project, top);
        key->words = make_words(settings);
    }
    free(project);
    free(top);
    return key->folder != NULL;
}

void
suite_key_release(struct suite_key *key)
{
    free(key->folder);
    free(key->words);
    *key = (struct suite_key){0};
}
