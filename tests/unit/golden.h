/*
 * Recorded bytes for unit tests, which run in the root of the sources.
 */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/check.h"
#include "util/buf.h"

/* The whole of tests/golden/NAME; to be released. */
static inline struct buf
golden_read(const char *name)
{
    struct buf path = BUF_INIT(4096);
    struct buf bytes = BUF_INIT(64 << 20);
    size_t room = 0;
    size_t count = 0;

    buf_addf(&path, "tests/golden/%s", name);
    FILE *file = fopen(buf_text(&path), "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", buf_text(&path));
    } else {
        do {
            char *end = buf_room(&bytes, 65536, &room);
            count = fread(end, 1, room, file);
            buf_grew(&bytes, count);
        } while (count > 0);
        (void)fclose(file);
    }
    buf_release(&path);
    return bytes;
}

#endif
