#include "run/last_words.h"

#include "util/escape.h"

#include <stdio.h>
#include <string.h>

// What fits into a message beside its cause.
#define LAST_WORDS_OF_MESSAGE 150

void
last_words_init(struct last_words *words)
{
    buf_init(&words->buf, LAST_WORDS_MAX);
}

void
last_words_release(struct last_words *words)
{
    buf_release(&words->buf);
}

void
last_words_reset(struct last_words *words)
{
    buf_reset(&words->buf);
}

void
last_words_add(struct last_words *words, struct slice bytes)
{
    struct buf *buf = &words->buf;
    if (bytes.len > LAST_WORDS_MAX) {
        bytes = slice_skip(bytes, bytes.len - LAST_WORDS_MAX);
    }
    if (buf->len + bytes.len > LAST_WORDS_MAX) {
        buf_drop(buf, buf->len + bytes.len - LAST_WORDS_MAX);
    }
    buf_add_slice(buf, bytes);
}

struct slice
last_words_get(const struct last_words *words)
{
    return slice_trim(buf_slice(&words->buf));
}

// The last line: that of a traceback is its reason.
static struct slice
last_line(struct slice said)
{
    size_t start = said.len;
    while (start > 0 && said.data[start - 1] != '\n') {
        start--;
    }
    said = slice_skip(said, start);
    if (said.len > LAST_WORDS_OF_MESSAGE) {
        said = slice_skip(said, said.len - LAST_WORDS_OF_MESSAGE);
    }
    return slice_trim(said);
}

void
last_words_explain(const struct last_words *words, struct err *err)
{
    struct slice said = last_line(last_words_get(words));
    if (said.len == 0) {
        return;
    }
    struct buf text = BUF_INIT(2048);
    escape_terminal(&text, said, ESCAPE_ONE_LINE);
    char cause[sizeof(err->text)];
    memcpy(cause, err->text, sizeof(cause));
    int room = (int)sizeof(err->text) - (int)strlen("; it printed: ") - 1;
    int left = room - (int)(text.len < 140 ? text.len : 140);
    snprintf(err->text, sizeof(err->text), "%.*s; it printed: %.140s", left,
             cause, buf_text(&text));
    buf_release(&text);
}
