/*
 * The file of a recording, frame by frame: reads, unpacks, goes on where it
 * is damaged. Knows nothing of what stands in the lines. For
 * recording_reader.c.
 */
#ifndef REPORT_RECORDING_FILE_H
#define REPORT_RECORDING_FILE_H

#include <zstd.h>

#include "report/recording_frame.h"
#include "report/recording_reader.h"

// Content of a frame, line by line. Zeroed = empty.
struct recording_content {
    char *data;
    size_t room;
    size_t len;
    size_t at;
    uint32_t lines; // that were promised and not taken yet
};

struct recording_file {
    int fd;
    char *name;
    uint64_t at; // where the next frame should begin
    unsigned char *packed;
    size_t packed_room;
    ZSTD_DCtx *unpacker;
    struct recording_gaps *gaps; // borrowed: damage is noted there
};

/* Takes `fd`. */
void recording_file_init(struct recording_file *file, int fd, const char *name,
                         struct recording_gaps *gaps);
void recording_file_release(struct recording_file *file);

/* False with err: it is no recording, or one of a later format. */
bool recording_file_check(struct recording_file *file, struct err *err);

/* Notes a damage. */
void recording_file_note(struct recording_file *file, uint64_t at,
                         const char *what);

/* Reads up to `len` bytes; fewer only at the end of the file. */
size_t recording_file_read(struct recording_file *file, uint64_t at,
                           void *bytes, size_t len);
uint64_t recording_file_size(const struct recording_file *file);

/* Whoever writes it holds a lock. One that cannot be asked for is nobody's. */
bool recording_file_is_locked(const struct recording_file *file);

/*
 * Goes on to the next place at or after `from` that is a header, else to the
 * end: false then.
 */
bool recording_file_find(struct recording_file *file, uint64_t from);

/* The content of the frame whose header stands at `at`. */
bool recording_file_unpack(struct recording_file *file,
                           const struct recording_frame *frame,
                           struct recording_content *content);

/* The next line, which may be overwritten. False: there is none. */
bool recording_content_line(struct recording_content *content, char **line,
                            size_t *len);

#endif
