#include "fleet/worktree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/alloc.h"
#include "util/path.h"

// Repositories inside of repositories; deeper is a loop or a joke.
enum {
    REPOSITORIES_MAX = 1000
};

struct worktree {
    struct worktree_params params;
    char *folder;
    char *top;
    char *place;
    char *commit;
    bool changed;
    struct worktree_names names;
    // Folders below the top that git is to be asked about, "" for the top.
    ARRAY(char *) folders;
    size_t asked;
    struct git_run git;
    worktree_done_fn done;
    void *ctx;
};

static void
tell(struct worktree *worktree, const struct err *err)
{
    worktree->done(worktree->ctx, err);
}

static void
fail(struct worktree *worktree, const struct git_end *end,
     const struct err *cause, const char *what)
{
    struct err err = {0};

    if (cause != NULL) {
        err = *cause;
        err_wrap(&err, "%s", what);
    } else {
        err_set(&err, ERR_SYSTEM, "%s: git: %.150s", what,
                end->said[0] != '\0' ? end->said : "it failed");
    }
    tell(worktree, &err);
}

// ---------------------------------------------------------------- finding

static void
on_status(void *ctx, const struct git_end *end, const struct err *err)
{
    struct worktree *worktree = ctx;

    if (err != NULL || !end->ok) {
        fail(worktree, end, err, "asking what has changed");
        return;
    }
    worktree->changed = end->out.len > 0;
    tell(worktree, NULL);
}

static void
on_commit(void *ctx, const struct git_end *end, const struct err *err)
{
    static const char *const words[] = {"status", "--porcelain",
                                        "--untracked-files=normal", NULL};
    struct worktree *worktree = ctx;

    if (err != NULL) {
        fail(worktree, end, err, "asking for the commit");
        return;
    }
    free(worktree->commit);
    worktree->commit =
        end->ok ? slice_dup(slice_trim(end->out)) : alloc_dup("");
    struct git_call call = {.words = words, .folder = worktree->top};
    git_run_start(&worktree->git, &call, on_status);
}

static void
no_checkout(struct worktree *worktree, const struct git_end *end)
{
    struct err err = {0};

    err_set(&err, ERR_CONFIG, "%.100s is no git checkout (%.100s)",
            worktree->folder, end->said[0] != '\0' ? end->said : "bare");
    err_hint(&err, "`git init` makes it one, nothing need be committed; or "
                   "let workers use a folder of their own");
    tell(worktree, &err);
}

// The top, then how the folder is below it; a line each, as paths may have
// blanks but hardly a line's end.
static void
on_top(void *ctx, const struct git_end *end, const struct err *err)
{
    static const char *const words[] = {"rev-parse", "--verify", "-q",
                                        "HEAD^{commit}", NULL};
    struct worktree *worktree = ctx;
    struct slice place = end->out;
    struct slice top;

    if (err != NULL) {
        fail(worktree, end, err, "asking for the checkout");
        return;
    }
    slice_split(&place, '\n', &top);
    if (!end->ok || top.len == 0 || top.data[0] != '/') {
        no_checkout(worktree, end);
        return;
    }
    place = slice_trim_end(place);
    if (slice_ends_with(place, SLICE("/"))) {
        place.len--;
    }
    free(worktree->top);
    free(worktree->place);
    worktree->top = slice_dup(top);
    worktree->place = slice_dup(place);
    struct git_call call = {.words = words, .folder = worktree->top};
    git_run_start(&worktree->git, &call, on_commit);
}

void
worktree_find(struct worktree *worktree, worktree_done_fn done, void *ctx)
{
    static const char *const words[] = {"rev-parse", "--show-toplevel",
                                        "--show-prefix", NULL};
    struct git_call call = {.words = words, .folder = worktree->folder};

    worktree->done = done;
    worktree->ctx = ctx;
    git_run_start(&worktree->git, &call, on_top);
}

// ---------------------------------------------------------------- listing

static void
forget_names(struct worktree *worktree)
{
    for (size_t i = 0; i < worktree->names.count; i++) {
        free(worktree->names.items[i]);
    }
    ARRAY_CLEAR(&worktree->names);
    for (size_t i = 0; i < worktree->folders.count; i++) {
        free(worktree->folders.items[i]);
    }
    ARRAY_CLEAR(&worktree->folders);
    worktree->asked = 0;
}

// Whether a folder that git named, but does not look into, has a repository.
static bool
is_repository(const struct worktree *worktree, const char *name)
{
    char *folder = path_join(worktree->top, name);
    char *git = path_join(folder, ".git");
    struct stat status;
    bool is = lstat(git, &status) == 0;

    free(git);
    free(folder);
    return is;
}

static bool
is_folder(const struct worktree *worktree, const char *name)
{
    char *path = path_join(worktree->top, name);
    struct stat status;
    bool is = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);

    free(path);
    return is;
}

static void
add_name(struct worktree *worktree, const char *folder, struct slice name)
{
    if (slice_ends_with(name, SLICE("/"))) {
        name.len--;
    }
    char *text = alloc_printf("%s%s%.*s", folder, folder[0] != '\0' ? "/" : "",
                              SLICE_ARG(name));
    if (is_folder(worktree, text) && is_repository(worktree, text) &&
        worktree->folders.count < REPOSITORIES_MAX) {
        ARRAY_ADD(&worktree->folders, text);
    } else {
        ARRAY_ADD(&worktree->names, text);
    }
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// A file with a conflict is named three times.
static void
sort_names(struct worktree *worktree)
{
    struct worktree_names *names = &worktree->names;
    size_t kept = 0;

    if (names->count > 0) {
        qsort(names->items, names->count, sizeof(*names->items), compare_names);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (kept > 0 && strcmp(names->items[kept - 1], names->items[i]) == 0) {
            free(names->items[i]);
        } else {
            names->items[kept++] = names->items[i];
        }
    }
    names->count = kept;
}

static void ask_next(struct worktree *worktree);

static void
on_names(void *ctx, const struct git_end *end, const struct err *err)
{
    struct worktree *worktree = ctx;
    const char *folder = worktree->folders.items[worktree->asked++];
    struct slice rest = end->out;
    struct slice name;

    if (err != NULL || !end->ok) {
        fail(worktree, end, err, "listing the files of the checkout");
        return;
    }
    while (slice_split(&rest, '\0', &name)) {
        if (name.len > 0) {
            add_name(worktree, folder, name);
        }
    }
    ask_next(worktree);
}

static void
ask_next(struct worktree *worktree)
{
    // What Python compiles meanwhile makes every tree another one, and is of
    // no use elsewhere.
    static const char *const words[] = {
        "ls-files",           "-z", "-c",           "-o",
        "--exclude-standard", "-x", "__pycache__/", NULL};

    if (worktree->asked == worktree->folders.count) {
        sort_names(worktree);
        tell(worktree, NULL);
        return;
    }
    char *folder =
        path_join(worktree->top, worktree->folders.items[worktree->asked]);
    struct git_call call = {.words = words, .folder = folder};
    git_run_start(&worktree->git, &call, on_names);
    free(folder);
}

void
worktree_list(struct worktree *worktree, worktree_done_fn done, void *ctx)
{
    worktree->done = done;
    worktree->ctx = ctx;
    forget_names(worktree);
    ARRAY_ADD(&worktree->folders, alloc_dup(""));
    ask_next(worktree);
}

// ------------------------------------------------------------------- rest

struct worktree *
worktree_new(const struct worktree_params *params)
{
    struct worktree *worktree = ALLOC(struct worktree);

    worktree->params = *params;
    worktree->folder = alloc_dup(params->folder);
    worktree->git = (struct git_run){
        .guardians = params->guardians,
        .loop = params->loop,
        .ctx = worktree,
    };
    return worktree;
}

void
worktree_free(struct worktree *worktree)
{
    if (worktree == NULL) {
        return;
    }
    git_run_release(&worktree->git);
    forget_names(worktree);
    ARRAY_RELEASE(&worktree->names);
    ARRAY_RELEASE(&worktree->folders);
    free(worktree->folder);
    free(worktree->top);
    free(worktree->place);
    free(worktree->commit);
    free(worktree);
}

const char *
worktree_top(const struct worktree *worktree)
{
    return worktree->top;
}

const char *
worktree_place(const struct worktree *worktree)
{
    return worktree->place;
}

const char *
worktree_commit(const struct worktree *worktree)
{
    return worktree->commit;
}

bool
worktree_is_changed(const struct worktree *worktree)
{
    return worktree->changed;
}

const struct worktree_names *
worktree_names(const struct worktree *worktree)
{
    return &worktree->names;
}
