#include "report/detail.h"

#include "util/compose.h"
#include "util/escape.h"

#define MOST_BYTES ((size_t)8 << 20)
#define MOST_LINE 2000 // bytes of what is to fit on a line or two

static void
add_clean(struct buf *buf, const char *key, struct slice text)
{
    struct buf clean = BUF_INIT(MOST_BYTES);

    escape_terminal(&clean, text, ESCAPE_KEEP_LINES);
    compose_slice(buf, key, buf_slice(&clean));
    buf_release(&clean);
}

static struct slice
last_bytes(struct slice text, size_t count)
{
    return slice_skip(text, text.len > count ? text.len - count : 0);
}

static void
add_cut(struct buf *buf, const char *key, struct slice text, size_t most)
{
    struct buf cut = BUF_INIT((size_t)2 * DETAIL_MOST_TEXT);

    if (text.len <= most) {
        add_clean(buf, key, text);
        return;
    }
    buf_add_slice(&cut, slice_first(text, most / 2));
    buf_addf(&cut, "\n[... %zu bytes left out ...]\n", text.len - most / 2 * 2);
    buf_add_slice(&cut, last_bytes(text, most / 2));
    add_clean(buf, key, buf_slice(&cut));
    buf_release(&cut);
}

void
detail_add(struct buf *buf, const char *key, struct slice text)
{
    if (text.len > 0) {
        add_cut(buf, key, text, DETAIL_MOST_TEXT);
    }
}

void
detail_add_output(struct buf *buf, const char *key, const struct output *output)
{
    const size_t half = DETAIL_MOST_TEXT / 2;
    struct slice head = output->head;
    struct slice tail = output->tail;
    uint64_t cut = output->cut;

    if (head.len == 0 && tail.len == 0 && cut == 0) {
        return;
    }
    if (cut == 0 && head.len > 2 * half) {
        tail = slice_skip(head, half);
    }
    if (cut > 0 || tail.len > 0) {
        size_t whole = output->head.len + output->tail.len;
        head = slice_first(head, half);
        tail = last_bytes(tail, half);
        cut += whole - head.len - tail.len;
    }
    compose_open(buf, key);
    add_clean(buf, "head", head);
    if (cut > 0) {
        compose_uint(buf, "cut", cut);
        add_clean(buf, "tail", tail);
    }
    buf_add_char(buf, '}');
}

static void
add_line(struct buf *buf, const char *key, struct slice text)
{
    if (text.len > 0) {
        add_cut(buf, key, text, MOST_LINE);
    }
}

static void
add_finding(struct buf *buf, const struct finding *finding, bool whole)
{
    compose_comma(buf);
    buf_add_char(buf, '{');
    compose_text(buf, "kind", finding_kind_name(finding->kind));
    add_line(buf, "where", finding->where);
    add_line(buf, "sub", finding->sub);
    add_line(buf, "type", finding->type);
    add_line(buf, "message", finding->message);
    if (whole) {
        detail_add(buf, "trace", finding->trace);
    }
    add_line(buf, "file", finding->file);
    compose_some_uint(buf, "line", finding->line);
    buf_add_char(buf, '}');
}

static void
add_findings(struct buf *buf, const struct outcome *outcome, bool whole)
{
    size_t most = whole ? DETAIL_MOST_FINDINGS : 1;
    size_t count = outcome->finding_count;

    compose_list(buf, "findings");
    for (size_t i = 0; i < count && i < most; i++) {
        add_finding(buf, &outcome->findings[i], whole);
    }
    buf_add_char(buf, ']');
    if (count > most) {
        compose_uint(buf, "more_findings", count - most);
    }
}

char *
detail_make(const struct event_test *test, bool whole)
{
    const struct outcome *outcome = test->outcome;
    struct buf buf = BUF_INIT(8 * MOST_BYTES);

    buf_add_char(&buf, '{');
    add_line(&buf, "reason", outcome->reason);
    if (outcome->finding_count > 0) {
        add_findings(&buf, outcome, whole);
    }
    if (whole) {
        detail_add_output(&buf, "out", &outcome->out);
        detail_add_output(&buf, "err", &outcome->err);
    }
    add_line(&buf, "rerun", slice_of(test->rerun));
    buf_add_char(&buf, '}');
    if (buf.len <= 2 || buf.overflowed) {
        buf_release(&buf);
        return NULL;
    }
    return buf_take(&buf);
}
