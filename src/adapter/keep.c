#include "adapter/keep.h"

#include <stdarg.h>

#include "util/alloc.h"

struct slice
keep_text(struct keep *keep, struct slice text)
{
    if (text.len == 0) {
        return (struct slice){0};
    }
    char *copy = slice_dup(text);
    ARRAY_ADD(&keep->texts, copy);
    return slice_make(copy, text.len);
}

struct slice
keep_printf(struct keep *keep, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = alloc_vprintf(format, arguments);
    va_end(arguments);
    ARRAY_ADD(&keep->texts, text);
    return slice_of(text);
}

void
keep_drop(struct keep *keep)
{
    for (size_t i = 0; i < keep->texts.count; i++) {
        free(keep->texts.items[i]);
    }
    ARRAY_CLEAR(&keep->texts);
}

void
keep_release(struct keep *keep)
{
    keep_drop(keep);
    ARRAY_RELEASE(&keep->texts);
}
