#include "report/sheet.h"

#include <inttypes.h>
#include <stdarg.h>

#include "util/escape.h"
#include "util/text.h"

#define RULE_COLUMNS 70 // unittest's

static const char *const styles[STYLE_COUNT] = {
    [STYLE_PLAIN] = "",         [STYLE_BOLD] = "\x1b[1m",
    [STYLE_DIM] = "\x1b[2m",    [STYLE_GOOD] = "\x1b[32m",
    [STYLE_BAD] = "\x1b[1;31m", [STYLE_WARN] = "\x1b[33m",
};

static struct buf *
begin(struct sheet *sheet, enum style style)
{
    struct buf *buf = &sheet->writer.buf;

    if (sheet->colour && style != STYLE_PLAIN) {
        buf_add_text(buf, styles[style]);
    }
    return buf;
}

static void
end(struct sheet *sheet, enum style style)
{
    if (sheet->colour && style != STYLE_PLAIN) {
        buf_add_text(&sheet->writer.buf, "\x1b[0m");
    }
}

void
sheet_add(struct sheet *sheet, enum style style, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    buf_vaddf(begin(sheet, style), format, arguments);
    va_end(arguments);
    end(sheet, style);
}

// Runners of CI servers obey "::command" at the start of a line and
// "##[command" anywhere in it; a test must not.
static void
add_disarmed(struct sheet *sheet, struct slice text, enum escape_lines lines)
{
    struct buf *buf = &sheet->writer.buf;
    struct slice trimmed = slice_trim(text);

    if (slice_starts_with(trimmed, SLICE("::"))) {
        size_t at = (size_t)(trimmed.data - text.data);
        escape_terminal(buf, slice_first(text, at), lines);
        buf_add_char(buf, '\\');
        text = slice_skip(text, at);
    }
    for (;;) {
        size_t at = slice_find_part(text, SLICE("##["));
        if (at == text.len) {
            break;
        }
        escape_terminal(buf, slice_first(text, at + 2), lines);
        buf_add_char(buf, '\\');
        text = slice_skip(text, at + 2);
    }
    escape_terminal(buf, text, lines);
}

void
sheet_text(struct sheet *sheet, enum style style, struct slice text)
{
    if (sheet->workflow) {
        begin(sheet, style);
        add_disarmed(sheet, text, ESCAPE_ONE_LINE);
    } else {
        escape_terminal(begin(sheet, style), text, ESCAPE_ONE_LINE);
    }
    end(sheet, style);
}

// The longest end of the text that fits into `columns`.
static struct slice
fit_end(struct slice text, size_t columns)
{
    size_t width = text_width(text);

    while (width > columns) {
        width -= (size_t)text_char_width(text_take(&text));
    }
    return text;
}

size_t
sheet_text_fit(struct sheet *sheet, enum style style, struct slice text,
               size_t columns)
{
    struct buf plain = BUF_INIT(4096);

    // Names longer than that are cut anyway.
    escape_terminal(&plain, slice_first(text, 512), ESCAPE_ONE_LINE);
    struct slice all = buf_slice(&plain);
    size_t width = text_width(all);
    begin(sheet, style);
    if (width <= columns) {
        buf_add_slice(&sheet->writer.buf, all);
    } else if (columns > 3) {
        // The end of a dotted name says more than its beginning.
        size_t head = (columns - 3) / 3;
        struct slice tail = fit_end(all, columns - 3 - head);
        struct slice front = text_fit(all, head);
        buf_add_slice(&sheet->writer.buf, front);
        buf_add_text(&sheet->writer.buf, "...");
        buf_add_slice(&sheet->writer.buf, tail);
        width = text_width(front) + 3 + text_width(tail);
    } else {
        width = 0;
    }
    end(sheet, style);
    buf_release(&plain);
    return width;
}

void
sheet_block(struct sheet *sheet, struct slice text, int indent)
{
    struct buf *buf = &sheet->writer.buf;
    struct slice line;

    if (text.len == 0) {
        return;
    }
    if (slice_ends_with(text, SLICE("\n"))) {
        text.len--;
    }
    // Line by line: an escape sequence without an end hides the rest of its
    // line and no more, and no text is too long for memory.
    while (slice_split(&text, '\n', &line)) {
        buf_add_repeat(buf, ' ', line.len > 0 ? (size_t)indent : 0);
        if (sheet->raw) {
            buf_add_slice(buf, line);
        } else {
            if (slice_ends_with(line, SLICE("\r"))) {
                line.len--;
            }
            if (sheet->workflow) {
                add_disarmed(sheet, line, ESCAPE_KEEP_LINES);
            } else {
                escape_terminal(buf, line, ESCAPE_KEEP_LINES);
            }
        }
        buf_add_char(buf, '\n');
        writer_relieve(&sheet->writer);
    }
}

void
sheet_rule(struct sheet *sheet, enum style style, char fill, const char *label)
{
    struct buf *buf = begin(sheet, style);
    size_t columns = RULE_COLUMNS;

    if (sheet->width < RULE_COLUMNS + 1) {
        columns = sheet->width > 11 ? (size_t)sheet->width - 1 : 10;
    }
    if (label != NULL) {
        size_t start = buf->len;
        buf_add_repeat(buf, fill, 2);
        buf_addf(buf, " %s ", label);
        size_t used = buf->len - start;
        columns -= used < columns ? used : columns;
    }
    buf_add_repeat(buf, fill, columns);
    end(sheet, style);
    buf_add_char(buf, '\n');
}

void
sheet_bar(struct sheet *sheet, enum style style, uint64_t part, uint64_t whole,
          int columns)
{
    static const char *const signs[2][2] = {{"=", "."}, {"━", "─"}};
    const char *const *pair = signs[sheet->unicode];
    int filled = 0;

    if (whole > 0) {
        part = part < whole ? part : whole;
        filled = (int)(part * (uint64_t)columns / whole);
    }
    struct buf *buf = begin(sheet, style);
    for (int i = 0; i < filled; i++) {
        buf_add_text(buf, pair[0]);
    }
    end(sheet, style);
    begin(sheet, STYLE_DIM);
    for (int i = filled; i < columns; i++) {
        buf_add_text(buf, pair[1]);
    }
    end(sheet, STYLE_DIM);
}

const char *
sheet_seconds(char text[static SHEET_SPAN_SIZE], uint64_t us)
{
    // Whole numbers: the locale has no say, and it is fast.
    uint64_t ms = (us + 500) / 1000;

    snprintf(text, SHEET_SPAN_SIZE, "%" PRIu64 ".%03us", ms / 1000,
             (unsigned)(ms % 1000));
    return text;
}

const char *
sheet_clock(char text[static SHEET_SPAN_SIZE], uint64_t us)
{
    uint64_t seconds = us / 1000000;
    unsigned rest = (unsigned)(seconds % 60);
    unsigned minutes = (unsigned)(seconds / 60 % 60);

    if (seconds < 3600) {
        snprintf(text, SHEET_SPAN_SIZE, "%u:%02u", minutes, rest);
    } else {
        snprintf(text, SHEET_SPAN_SIZE, "%" PRIu64 ":%02u:%02u", seconds / 3600,
                 minutes, rest);
    }
    return text;
}

const char *
sheet_number(char text[static SHEET_SPAN_SIZE], uint64_t number)
{
    char digits[SHEET_SPAN_SIZE];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    size_t at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}
