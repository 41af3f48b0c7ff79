#include "fleet/packing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/manifest.h"
#include "fleet/size_text.h"
#include "fleet/tar_codec.h"
#include "util/alloc.h"
#include "util/path.h"

enum {
    // What is done in one turn of the loop.
    BYTES_A_TURN = 4 * 1024 * 1024,
    FILES_A_TURN = 200,
    READ_SIZE = 256 * 1024,
    ATTEMPTS = 3,
    HEADERS_MAX = 2 * TAR_RECORDS_MAX,
};

#define LIMIT_HINT                                                          \
    "name `git: URL` for the workspace in mule.yaml, so that workers fetch" \
    " a revision themselves; or raise --ship-limit"

enum phase {
    PHASE_LOOK,  // what is there, and may it be shipped
    PHASE_WRITE, // the archive
    PHASE_AGAIN, // is it still what was looked at
};

// A name of the list, and what was found under it.
struct found {
    bool here; // it is not deleted
    mode_t mode;
    uint64_t size;
    ino_t inode;
    struct timespec modified;
    struct timespec changed;
};

struct packing {
    struct packing_params params;
    packing_done_fn done;
    void *ctx;
    char *path;
    int fd;
    enum phase phase;
    int attempt;
    size_t at; // in the names
    struct found *found;
    uint64_t total; // bytes of the archive, as looked at
    size_t largest; // in the names
    size_t files;
    struct manifest manifest;
    struct buf headers;
    struct sha256 *sha256;
    char *bytes; // READ_SIZE
    uint64_t written;
    int file;      // being packed, or -1
    uint64_t left; // of it
    char *moved;   // the name of something that changed, or NULL
    struct err err;
};

static void turn(void *ctx);
static void begin(struct packing *packing);

static void
packing_free(struct packing *packing)
{
    if (packing->file >= 0) {
        close(packing->file);
    }
    if (packing->fd >= 0) {
        close(packing->fd);
    }
    manifest_release(&packing->manifest);
    buf_release(&packing->headers);
    sha256_free(packing->sha256);
    free(packing->found);
    free(packing->bytes);
    free(packing->moved);
    free(packing->path);
    free(packing);
}

static const struct worktree_names *
names_of(const struct packing *packing)
{
    return worktree_names(packing->params.worktree);
}

static char *
path_of(const struct packing *packing, size_t at)
{
    return path_join(worktree_top(packing->params.worktree),
                     names_of(packing)->items[at]);
}

static bool
cannot_read(struct packing *packing, const char *name, int number)
{
    err_set_errno(&packing->err, ERR_SYSTEM, number, "reading %.150s", name);
    return err_hint(&packing->err, "what need not be shipped can be named in "
                                   ".gitignore");
}

// --------------------------------------------------------------- looking

// Gives false only when it cannot be known what is there.
static bool
look_at(struct packing *packing, size_t at, struct found *found)
{
    char *path = path_of(packing, at);
    struct stat status;
    int failed = lstat(path, &status);
    int number = errno;

    free(path);
    *found = (struct found){0};
    if (failed != 0 && number != ENOENT && number != ENOTDIR) {
        return cannot_read(packing, names_of(packing)->items[at], number);
    }
    if (failed != 0 || !(S_ISREG(status.st_mode) || S_ISLNK(status.st_mode) ||
                         S_ISDIR(status.st_mode))) {
        return true;
    }
    found->here = true;
    found->mode = status.st_mode;
    found->inode = status.st_ino;
    found->modified = status.st_mtim;
    found->changed = status.st_ctim;
    found->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    if (S_ISDIR(status.st_mode)) {
        // Its times are those of what lies in it.
        found->modified = found->changed = (struct timespec){0};
    }
    return true;
}

static bool
is_same(const struct found *a, const struct found *b)
{
    return a->here == b->here && a->mode == b->mode && a->size == b->size &&
           a->inode == b->inode && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

// The entry of a name; `target` is room for where a link leads.
static bool
describe(struct packing *packing, size_t at, char target[TAR_NAME_MAX + 1],
         struct tar_entry *entry)
{
    const struct found *found = &packing->found[at];
    bool runs = (found->mode & S_IXUSR) != 0;

    *entry = (struct tar_entry){
        .kind = TAR_FILE,
        .mode = runs ? 0755 : 0644,
        .size = found->size,
        .name = slice_of(names_of(packing)->items[at]),
    };
    if (S_ISDIR(found->mode)) {
        entry->kind = TAR_FOLDER;
        entry->mode = 0755;
    } else if (S_ISLNK(found->mode)) {
        char *path = path_of(packing, at);
        ssize_t len = readlink(path, target, TAR_NAME_MAX + 1);
        int number = errno;
        free(path);
        if (len < 0) {
            return cannot_read(packing, names_of(packing)->items[at], number);
        }
        entry->kind = TAR_LINK;
        entry->mode = 0777;
        entry->target = slice_make(target, (size_t)len);
    }
    return true;
}

static bool
too_big(struct packing *packing)
{
    err_set(&packing->err, ERR_CONFIG,
            "the working tree has more than %s to ship; the largest file is "
            "%.100s with %s",
            size_text(packing->params.limit).text,
            names_of(packing)->items[packing->largest],
            size_text(packing->found[packing->largest].size).text);
    return err_hint(&packing->err, LIMIT_HINT);
}

static bool
look(struct packing *packing)
{
    char target[TAR_NAME_MAX + 1];
    struct found *found = &packing->found[packing->at];
    struct tar_entry entry;

    if (!look_at(packing, packing->at, found)) {
        return false;
    }
    if (!found->here) {
        return true;
    }
    if (!describe(packing, packing->at, target, &entry)) {
        return false;
    }
    if (!manifest_add(&packing->manifest, &entry, &packing->err)) {
        packing->err.kind = ERR_CONFIG;
        return err_hint(&packing->err,
                        "it cannot be shipped; name it in .gitignore");
    }
    if (found->size > packing->found[packing->largest].size) {
        packing->largest = packing->at;
    }
    packing->total += TAR_BLOCK + found->size + tar_padding(found->size);
    packing->files += entry.kind != TAR_FOLDER;
    return packing->total <= packing->params.limit || too_big(packing);
}

// --------------------------------------------------------------- writing

static bool
put(struct packing *packing, const char *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t count = write(packing->fd, bytes + done, len - done);
        if (count < 0 && errno != EINTR) {
            return err_set_errno(&packing->err, ERR_SYSTEM, errno,
                                 "writing the archive");
        }
        done += count > 0 ? (size_t)count : 0;
    }
    sha256_add(packing->sha256, slice_make(bytes, len));
    packing->written += len;
    return packing->written <= packing->params.limit || too_big(packing);
}

static bool
put_headers(struct packing *packing)
{
    bool fine = put(packing, packing->headers.data, packing->headers.len);

    buf_reset(&packing->headers);
    return fine;
}

static void
note_change(struct packing *packing, size_t at)
{
    if (packing->moved == NULL) {
        packing->moved = alloc_dup(names_of(packing)->items[at]);
    }
}

// Opens a file that is to be packed next; one that is not what was looked at
// any more is noted.
static bool
open_file(struct packing *packing)
{
    char *path = path_of(packing, packing->at);

    packing->file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
    int number = errno;
    free(path);
    packing->left = packing->found[packing->at].size;
    if (packing->file < 0 && (number == ENOENT || number == ELOOP)) {
        note_change(packing, packing->at);
        return true;
    }
    return packing->file >= 0 ||
           cannot_read(packing, names_of(packing)->items[packing->at], number);
}

static bool
copy_some(struct packing *packing, size_t *budget)
{
    while (packing->left > 0 && *budget > 0) {
        size_t want =
            packing->left < READ_SIZE ? (size_t)packing->left : READ_SIZE;
        ssize_t count = read(packing->file, packing->bytes, want);
        if (count < 0 && errno != EINTR) {
            return cannot_read(packing, names_of(packing)->items[packing->at],
                               errno);
        }
        if (count == 0) {
            note_change(packing, packing->at); // it has become shorter
            return true;
        }
        size_t len = count > 0 ? (size_t)count : 0;
        if (!put(packing, packing->bytes, len)) {
            return false;
        }
        packing->left -= len;
        *budget -= len < *budget ? len : *budget;
    }
    if (packing->left > 0) {
        return true;
    }
    close(packing->file);
    packing->file = -1;
    packing->at++;
    buf_add_repeat(&packing->headers, '\0', tar_padding(packing->written));
    return put_headers(packing);
}

static bool
begin_entry(struct packing *packing)
{
    char target[TAR_NAME_MAX + 1];
    struct tar_entry entry;

    if (!describe(packing, packing->at, target, &entry)) {
        return false;
    }
    tar_write(&packing->headers, &entry);
    if (!put_headers(packing)) {
        return false;
    }
    if (entry.kind == TAR_FILE) {
        return open_file(packing);
    }
    packing->at++;
    return true;
}

static bool
write_some(struct packing *packing)
{
    size_t budget = BYTES_A_TURN;

    for (int i = 0; i < FILES_A_TURN && budget > 0 && packing->moved == NULL;
         i++) {
        if (packing->file < 0 && packing->at == names_of(packing)->count) {
            return true;
        }
        if (packing->file < 0 && !packing->found[packing->at].here) {
            packing->at++;
        } else if ((packing->file < 0 && !begin_entry(packing)) ||
                   (packing->file >= 0 && packing->moved == NULL &&
                    !copy_some(packing, &budget))) {
            return false;
        }
    }
    return true;
}

// ----------------------------------------------------------------- turns

static bool
look_some(struct packing *packing)
{
    struct found now;
    size_t count = names_of(packing)->count;

    for (int i = 0; i < FILES_A_TURN && packing->at < count; i++) {
        if (packing->phase == PHASE_LOOK) {
            if (!look(packing)) {
                return false;
            }
        } else {
            if (!look_at(packing, packing->at, &now)) {
                return false;
            }
            if (!is_same(&now, &packing->found[packing->at])) {
                note_change(packing, packing->at);
            }
        }
        packing->at++;
    }
    return true;
}

static void
tell(struct packing *packing)
{
    packing_done_fn done = packing->done;
    void *ctx = packing->ctx;
    struct err err = packing->err;
    struct packing_end end = {
        .fd = packing->fd,
        .bytes = packing->written,
        .files = packing->files,
    };

    if (!err_is_set(&err)) {
        sha256_end(packing->sha256, end.hash);
        packing->fd = -1;
    }
    packing_free(packing);
    done(ctx, err_is_set(&err) ? NULL : &end, err_is_set(&err) ? &err : NULL);
}

static bool
open_archive(struct packing *packing)
{
    packing->fd =
        open(packing->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return packing->fd >= 0 || err_set_errno(&packing->err, ERR_SYSTEM, errno,
                                             "making %s", packing->path);
}

// The next phase; true with nothing more to do after the last one.
static bool
step(struct packing *packing, bool *ended)
{
    packing->at = 0;
    if (packing->phase == PHASE_LOOK) {
        packing->phase = PHASE_WRITE;
        return open_archive(packing);
    }
    if (packing->phase == PHASE_AGAIN) {
        *ended = true;
        return true;
    }
    packing->phase = PHASE_AGAIN;
    tar_write_end(&packing->headers);
    return put_headers(packing);
}

static void
again(struct packing *packing)
{
    if (++packing->attempt < ATTEMPTS) {
        begin(packing);
        return;
    }
    err_set(&packing->err, ERR_SYSTEM,
            "%.150s keeps changing while it is packed", packing->moved);
    err_hint(&packing->err, "what changes while tests run is best named in "
                            ".gitignore");
    tell(packing);
}

static void
turn(void *ctx)
{
    struct packing *packing = ctx;
    bool ended = false;
    bool fine = packing->phase == PHASE_WRITE ? write_some(packing)
                                              : look_some(packing);

    if (fine && packing->moved != NULL) {
        again(packing);
        return;
    }
    if (fine && packing->file < 0 && packing->at == names_of(packing)->count) {
        fine = step(packing, &ended);
    }
    if (!fine || ended) {
        tell(packing);
        return;
    }
    loop_post(packing->params.loop, turn, packing);
}

static void
on_listed(void *ctx, const struct err *err)
{
    struct packing *packing = ctx;

    if (err != NULL) {
        packing->err = *err;
        tell(packing);
        return;
    }
    size_t count = names_of(packing)->count;
    free(packing->found);
    packing->found = alloc_zero(count, sizeof(*packing->found));
    if (count == 0) {
        err_set(&packing->err, ERR_CONFIG, "the working tree has no file");
        tell(packing);
        return;
    }
    loop_post(packing->params.loop, turn, packing);
}

// From the beginning: at first, and when something changed on the way.
static void
begin(struct packing *packing)
{
    char ignored[SHA256_SIZE];
    sha256_end(packing->sha256, ignored);
    manifest_release(&packing->manifest);
    buf_reset(&packing->headers);
    free(packing->moved);
    packing->moved = NULL;
    if (packing->file >= 0) {
        close(packing->file);
    }
    if (packing->fd >= 0) {
        close(packing->fd);
    }
    packing->file = packing->fd = -1;
    packing->phase = PHASE_LOOK;
    packing->at = packing->largest = packing->files = 0;
    packing->total = packing->written = 0;
    worktree_list(packing->params.worktree, on_listed, packing);
}

struct packing *
packing_start(const struct packing_params *params, packing_done_fn done,
              void *ctx)
{
    struct packing *packing = ALLOC(struct packing);

    packing->params = *params;
    packing->done = done;
    packing->ctx = ctx;
    packing->path = alloc_dup(params->path);
    packing->fd = packing->file = -1;
    packing->bytes = alloc_bytes(READ_SIZE);
    packing->sha256 = sha256_new();
    buf_init(&packing->headers, HEADERS_MAX);
    begin(packing);
    return packing;
}

void
packing_stop(struct packing *packing)
{
    if (packing != NULL) {
        loop_cancel(packing->params.loop, packing);
        packing_free(packing);
    }
}
