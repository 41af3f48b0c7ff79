/*
 * Archives of trees: ustar, with pax records where a name is too long for it.
 * Entries <-> blocks of 512 bytes; reads and writes no file. What is read is
 * not judged here but for its form; see manifest.h.
 */
#ifndef FLEET_TAR_CODEC_H
#define FLEET_TAR_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

enum {
    TAR_BLOCK = 512,
    TAR_NAME_MAX = 4095,
    TAR_RECORDS_MAX = 64 * 1024,
};

/* What an entry is; any other type of the format is a kind of its own here. */
enum tar_kind {
    TAR_FILE,
    TAR_FOLDER,
    TAR_LINK, // symbolic
    TAR_OTHER // hard link, device, pipe, ...
};

struct tar_entry {
    enum tar_kind kind;
    char type; // the byte in the archive; not needed for writing
    uint32_t mode;
    uint64_t size; // of the data that follow, without padding
    struct slice name;
    struct slice target; // of a link
};

/* Bytes of padding behind `size` bytes of data. */
size_t tar_padding(uint64_t size);

/*
 * Adds what stands before the data of an entry. Equal entries give equal
 * bytes: owner and times are always 0. False beyond the maximum of `buf`.
 */
bool tar_write(struct buf *buf, const struct tar_entry *entry);

/* Adds the end of an archive. */
bool tar_write_end(struct buf *buf);

/* Zeroed = at the beginning of an archive. */
struct tar_reader {
    char *name;   // from records: for the next entry; or NULL
    char *target; // likewise
    uint64_t size;
    bool has_size;
    bool used;   // an entry has been given that these are for
    bool global; // the records that follow are for all entries
    char short_name[260];
    char short_target[101];
};

enum tar_step {
    TAR_ENTRY,   // `entry` is set; its data and padding follow
    TAR_RECORDS, // entry->size bytes of records follow, then padding
    TAR_END,
    TAR_BROKEN // err is set
};

/*
 * Reads the block at the beginning of an entry. The texts of the entry belong
 * to the reader and live until the next call.
 */
enum tar_step tar_read(struct tar_reader *reader, const char *block,
                       struct tar_entry *entry, struct err *err);

/* Reads the records after TAR_RECORDS. ERR_PROTOCOL. */
bool tar_read_records(struct tar_reader *reader, struct slice records,
                      struct err *err);

void tar_reader_release(struct tar_reader *reader);

#endif
