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

void
last_words_explain(const struct last_words *words, struct err *err)
{
    struct slice said = last_words_get(words);
    if (said.len == 0) {
        return;
    }
    if (said.len > LAST_WORDS_OF_MESSAGE) {
        said = slice_skip(said, said.len - LAST_WORDS_OF_MESSAGE);
    }
    struct buf text = BUF_INIT(2048);
    escape_terminal(&text, said, ESCAPE_ONE_LINE);
    struct err with = {.kind = err->kind, .hint = err->hint};
    char cause[sizeof(err->text)];
    memcpy(cause, err->text, sizeof(cause));
    snprintf(with.text, sizeof(with.text), "%.100s; it printed: %.140s", cause,
             buf_text(&text));
    *err = with;
    buf_release(&text);
}
