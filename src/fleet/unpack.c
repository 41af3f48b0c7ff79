#include "fleet/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/manifest.h"
#include "fleet/tar_codec.h"
#include "util/alloc.h"
#include "util/path.h"
#include "util/sha256.h"

// What is done in one turn of the loop.
enum {
    BYTES_A_TURN = 4 * 1024 * 1024,
    ENTRIES_A_TURN = 200,
    READ_SIZE = 256 * 1024,
};

enum phase {
    PHASE_HASH,
    PHASE_CHECK,
    PHASE_MAKE,
};

struct unpack {
    struct unpack_params params;
    char *hash;
    char *folder;
    unpack_done_fn done;
    void *ctx;
    enum phase phase;
    uint64_t at; // in the archive
    char *bytes; // READ_SIZE
    struct sha256 *sha256;
    struct manifest manifest;
    struct tar_reader reader;
    int file;      // being written, or -1
    uint64_t left; // of its data
    bool ended;    // of the archive
    bool wrong;    // the hash
    struct err err;
};

static void turn(void *ctx);

static void
unpack_free(struct unpack *unpack)
{
    if (unpack->file >= 0) {
        close(unpack->file);
    }
    sha256_free(unpack->sha256);
    manifest_release(&unpack->manifest);
    tar_reader_release(&unpack->reader);
    free(unpack->bytes);
    free(unpack->hash);
    free(unpack->folder);
    free(unpack);
}

// Reads exactly `len` bytes of the archive.
static bool
read_at(struct unpack *unpack, uint64_t at, size_t len)
{
    size_t got = 0;

    if (at > unpack->params.bytes || len > unpack->params.bytes - at) {
        return err_set(&unpack->err, ERR_PROTOCOL,
                       "archive: it ends in the middle of an entry");
    }
    while (got < len) {
        ssize_t count = pread(unpack->params.fd, unpack->bytes + got, len - got,
                              (off_t)(at + got));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return err_set_errno(&unpack->err, ERR_SYSTEM,
                                 count < 0 ? errno : EIO,
                                 "reading the archive");
        }
        got += (size_t)count;
    }
    return true;
}

// ------------------------------------------------------------------- hash

static bool
hash_some(struct unpack *unpack, bool *ended)
{
    char text[SHA256_SIZE];

    for (size_t done = 0; done < BYTES_A_TURN; done += READ_SIZE) {
        uint64_t rest = unpack->params.bytes - unpack->at;
        size_t len = rest < READ_SIZE ? (size_t)rest : READ_SIZE;
        if (!read_at(unpack, unpack->at, len)) {
            return false;
        }
        sha256_add(unpack->sha256, slice_make(unpack->bytes, len));
        unpack->at += len;
    }
    *ended = unpack->at == unpack->params.bytes;
    if (!*ended) {
        return true;
    }
    sha256_end(unpack->sha256, text);
    unpack->wrong = strcmp(text, unpack->hash) != 0;
    return !unpack->wrong ||
           err_set(&unpack->err, ERR_PROTOCOL,
                   "the archive has not the hash it was announced with");
}

// ---------------------------------------------------------------- entries

// Steps to the next entry; *ended at the end of the archive.
static bool
next_entry(struct unpack *unpack, struct tar_entry *entry, bool *ended)
{
    for (;;) {
        if (!read_at(unpack, unpack->at, TAR_BLOCK)) {
            return false;
        }
        unpack->at += TAR_BLOCK;
        enum tar_step step =
            tar_read(&unpack->reader, unpack->bytes, entry, &unpack->err);
        if (step != TAR_RECORDS) {
            *ended = step == TAR_END;
            return step != TAR_BROKEN;
        }
        size_t len = (size_t)entry->size;
        if (!read_at(unpack, unpack->at, len) ||
            !tar_read_records(&unpack->reader, slice_make(unpack->bytes, len),
                              &unpack->err)) {
            return false;
        }
        unpack->at += len + tar_padding(len);
    }
}

static bool
skip_data(struct unpack *unpack, uint64_t size)
{
    uint64_t rest = unpack->params.bytes - unpack->at;

    if (unpack->at > unpack->params.bytes || size > rest ||
        tar_padding(size) > rest - size) {
        return err_set(&unpack->err, ERR_PROTOCOL,
                       "archive: it ends in the middle of an entry");
    }
    unpack->at += size + tar_padding(size);
    return true;
}

static bool
check_some(struct unpack *unpack, bool *ended)
{
    for (int i = 0; i < ENTRIES_A_TURN && !*ended; i++) {
        struct tar_entry entry;
        if (!next_entry(unpack, &entry, ended)) {
            return false;
        }
        if (!*ended &&
            (!manifest_add(&unpack->manifest, &entry, &unpack->err) ||
             !skip_data(unpack, entry.size))) {
            return false;
        }
    }
    return true;
}

// ----------------------------------------------------------------- making

static bool
cannot_make(struct unpack *unpack, const char *path, int number)
{
    return err_set_errno(&unpack->err, ERR_SYSTEM, number, "making %s", path);
}

// Makes the file or link; the folders it lies in may be missing.
static bool
make_one(struct unpack *unpack, const struct tar_entry *entry, const char *path)
{
    if (entry->kind == TAR_LINK) {
        char *target = slice_dup(entry->target);
        int failed = symlink(target, path);
        int number = errno;
        free(target);
        errno = number;
        return failed == 0;
    }
    mode_t mode = (entry->mode & 0111) != 0 ? 0777 : 0666;
    unpack->file =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    unpack->left = entry->size;
    return unpack->file >= 0;
}

static bool
make_entry(struct unpack *unpack, const struct tar_entry *entry)
{
    char *name = slice_dup(entry->name);
    char *path = path_join(unpack->folder, name);
    bool made = false;

    if (entry->kind == TAR_FOLDER) {
        made = path_make_folders(path, 0777, &unpack->err);
    } else {
        made = make_one(unpack, entry, path);
        if (!made && errno == ENOENT) {
            char *parent = path_folder(path);
            made = path_make_folders(parent, 0777, &unpack->err) &&
                   make_one(unpack, entry, path);
            free(parent);
        }
        if (!made && !err_is_set(&unpack->err)) {
            cannot_make(unpack, name, errno);
        }
    }
    free(path);
    free(name);
    return made;
}

static bool
write_all(struct unpack *unpack, size_t len)
{
    size_t put = 0;

    while (put < len) {
        ssize_t count = write(unpack->file, unpack->bytes + put, len - put);
        if (count < 0 && errno != EINTR) {
            return cannot_make(unpack, "the tree", errno);
        }
        put += count > 0 ? (size_t)count : 0;
    }
    return true;
}

// Copies some of the data of the file that is being made.
static bool
copy_some(struct unpack *unpack, size_t *budget)
{
    while (unpack->left > 0 && *budget > 0) {
        size_t len =
            unpack->left < READ_SIZE ? (size_t)unpack->left : READ_SIZE;
        if (!read_at(unpack, unpack->at, len) || !write_all(unpack, len)) {
            return false;
        }
        unpack->at += len;
        unpack->left -= len;
        *budget -= len < *budget ? len : *budget;
    }
    if (unpack->left == 0) {
        int failed = close(unpack->file);
        unpack->file = -1;
        if (failed != 0) {
            return cannot_make(unpack, "the tree", errno);
        }
        unpack->at += tar_padding(unpack->at); // entries begin with a block
    }
    return true;
}

static bool
make_some(struct unpack *unpack, bool *ended)
{
    size_t budget = BYTES_A_TURN;

    for (int i = 0; i < ENTRIES_A_TURN && budget > 0 && !*ended; i++) {
        struct tar_entry entry;
        if (unpack->file < 0 && (!next_entry(unpack, &entry, ended) ||
                                 (!*ended && !make_entry(unpack, &entry)))) {
            return false;
        }
        if (unpack->file >= 0 && !copy_some(unpack, &budget)) {
            return false;
        }
    }
    return true;
}

// ------------------------------------------------------------------ turns

static bool
begin_phase(struct unpack *unpack, enum phase phase)
{
    unpack->phase = phase;
    unpack->at = 0;
    tar_reader_release(&unpack->reader);
    if (phase != PHASE_MAKE) {
        return true;
    }
    char *parent = path_folder(unpack->folder);
    bool made = path_make_folders(parent, 0777, &unpack->err);
    free(parent);
    if (made && mkdir(unpack->folder, 0777) != 0) {
        made = cannot_make(unpack, unpack->folder, errno);
    }
    return made;
}

static void
tell(struct unpack *unpack)
{
    enum unpack_end end = unpack->wrong              ? UNPACK_WRONG
                          : err_is_set(&unpack->err) ? UNPACK_FAILED
                                                     : UNPACK_DONE;
    struct err err = unpack->err;
    unpack_done_fn done = unpack->done;
    void *ctx = unpack->ctx;

    unpack_free(unpack);
    done(ctx, end, end == UNPACK_DONE ? NULL : &err);
}

static void
turn(void *ctx)
{
    struct unpack *unpack = ctx;
    bool ended = false;
    bool fine = unpack->phase == PHASE_HASH    ? hash_some(unpack, &ended)
                : unpack->phase == PHASE_CHECK ? check_some(unpack, &ended)
                                               : make_some(unpack, &ended);

    if (!fine || (ended && unpack->phase == PHASE_MAKE) ||
        (ended && !begin_phase(unpack, unpack->phase + 1))) {
        tell(unpack);
        return;
    }
    loop_post(unpack->params.loop, turn, unpack);
}

struct unpack *
unpack_start(const struct unpack_params *params, unpack_done_fn done, void *ctx)
{
    struct unpack *unpack = ALLOC(struct unpack);

    unpack->params = *params;
    unpack->hash = alloc_dup(params->hash);
    unpack->folder = alloc_dup(params->folder);
    unpack->done = done;
    unpack->ctx = ctx;
    unpack->bytes = alloc_bytes(READ_SIZE);
    unpack->sha256 = sha256_new();
    unpack->file = -1;
    loop_post(params->loop, turn, unpack);
    return unpack;
}

void
unpack_stop(struct unpack *unpack)
{
    if (unpack != NULL) {
        loop_cancel(unpack->params.loop, unpack);
        unpack_free(unpack);
    }
}
