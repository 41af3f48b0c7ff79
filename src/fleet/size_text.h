/*
 * A number of bytes for people: "812 bytes", "3.4 KiB", "120.0 MiB".
 */
#ifndef FLEET_SIZE_TEXT_H
#define FLEET_SIZE_TEXT_H

#include <stdint.h>
#include <stdio.h>

struct size_text {
    char text[32];
};

static inline struct size_text
size_text(uint64_t bytes)
{
    struct size_text size;
    double kibi = (double)bytes / 1024.0;

    if (bytes < 1024) {
        snprintf(size.text, sizeof(size.text), "%u bytes", (unsigned)bytes);
    } else if (bytes < UINT64_C(1024) * 1024) {
        snprintf(size.text, sizeof(size.text), "%.1f KiB", kibi);
    } else {
        snprintf(size.text, sizeof(size.text), "%.1f MiB", kibi / 1024.0);
    }
    return size;
}

#endif
