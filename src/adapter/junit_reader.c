// Reads JUnit XML as it comes, in all the dialects that differ in details:
// one or many test suites, nested ones, one or several failures a case.
// A document type is refused, and with it everything entities can do.

#include <expat.h>

#include "adapter/report_core.h"
#include "util/alloc.h"

#define PIECE_MAX 65536
#define TOKEN_MAX ((size_t)1 << 20) // one tag with its attributes
#define DEPTH_MAX 100
#define FINDINGS_MAX 100 // of one case
#define ATTRIBUTE_MAX 65536
#define TRACE_MAX ((size_t)256 << 10)
#define YEAR_S (365.0 * 24 * 3600)

enum stage {
    STAGE_BEFORE, // no "<" yet
    STAGE_INSIDE,
    STAGE_AFTER, // the root was closed, or nothing more is understood
};

// Whose text is being read.
enum text {
    TEXT_NONE,
    TEXT_FINDING,
    TEXT_SKIPPED,
    TEXT_OUT,
    TEXT_ERR,
};

struct junit {
    struct report_core *core;
    XML_Parser parser;
    enum stage stage;
    size_t fed;
    bool foreign; // XML, but no JUnit, and JUnit was a guess: it is text
    int depth;
    ARRAY(char *) suites; // names of the open ones

    // The case that is open; its texts are kept.
    int case_depth; // 0: none
    struct slice name;
    struct slice class_name;
    struct slice file;
    uint32_t line;
    struct outcome outcome;
    struct findings findings;
    struct clip out;
    struct clip err;
    struct keep keep;

    int text_depth; // of the element whose text is read
    enum text text;
    struct clip chars;
};

static const char *
attribute(const char **attributes, const char *name)
{
    for (size_t i = 0; attributes[i] != NULL; i += 2) {
        if (strcmp(attributes[i], name) == 0) {
            return attributes[i + 1];
        }
    }
    return "";
}

// Without the prefix of a namespace.
static const char *
local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon == NULL ? name : colon + 1;
}

// "1,234.56" seconds; what is no number is 0.
static uint64_t
parse_time(const char *text)
{
    struct buf digits = BUF_INIT(64);
    double seconds = 0;

    for (; *text != '\0'; text++) {
        if (*text != ',') {
            buf_add_char(&digits, *text);
        }
    }
    slice_to_double(slice_trim(buf_slice(&digits)), 0, YEAR_S, &seconds);
    buf_release(&digits);
    return (uint64_t)(seconds * 1e6 + 0.5);
}

static uint32_t
parse_line(const char *text)
{
    uint64_t line = 0;

    slice_to_uint(slice_trim(slice_of(text)), UINT32_MAX, &line);
    return (uint32_t)line;
}

static struct slice
keep(struct junit *junit, const char *text)
{
    return keep_text(&junit->keep, slice_first(slice_of(text), ATTRIBUTE_MAX));
}

static struct slice
suite_name(const struct junit *junit)
{
    return junit->suites.count == 0 ? (struct slice){0}
                                    : slice_of(ARRAY_LAST(&junit->suites));
}

static void
stop(struct junit *junit)
{
    junit->stage = STAGE_AFTER;
    XML_StopParser(junit->parser, XML_FALSE);
}

static void
start_text(struct junit *junit, enum text text)
{
    junit->text = text;
    junit->text_depth = junit->depth;
    clip_reset(&junit->chars);
}

static void
start_case(struct junit *junit, const char **attributes)
{
    const char *status = attribute(attributes, "status");

    junit->case_depth = junit->depth;
    junit->name = keep(junit, attribute(attributes, "name"));
    junit->class_name = keep(junit, attribute(attributes, "classname"));
    if (junit->class_name.len == 0) {
        junit->class_name = keep_text(&junit->keep, suite_name(junit));
    }
    junit->file = keep(junit, attribute(attributes, "file"));
    junit->line = parse_line(attribute(attributes, "line"));
    junit->outcome = (struct outcome){
        .state = STATE_PASSED,
        .us = parse_time(attribute(attributes, "time")),
        .ran = true,
        .counted = true,
    };
    ARRAY_CLEAR(&junit->findings);
    if (strcmp(status, "notrun") == 0 || strcmp(status, "disabled") == 0) {
        junit->outcome.state = STATE_SKIPPED;
        junit->outcome.reason = keep(junit, status);
    }
}

static void
start_finding(struct junit *junit, enum finding_kind kind,
              const char **attributes)
{
    enum state state = kind == FINDING_ERROR ? STATE_ERROR : STATE_FAILED;

    if (junit->outcome.state != STATE_ERROR) {
        junit->outcome.state = state;
    }
    if (junit->findings.count == FINDINGS_MAX) {
        return;
    }
    ARRAY_ADD(&junit->findings,
              ((struct finding){
                  .kind = kind,
                  .where = SLICE("test"),
                  .type = keep(junit, attribute(attributes, "type")),
                  .message = keep(junit, attribute(attributes, "message")),
                  .file = keep(junit, attribute(attributes, "file")),
                  .line = parse_line(attribute(attributes, "line")),
              }));
    start_text(junit, TEXT_FINDING);
}

static void
start_skipped(struct junit *junit, const char **attributes)
{
    const char *type = attribute(attributes, "type");
    bool expected = strstr(type, "xfail") != NULL;

    if (junit->outcome.state == STATE_PASSED ||
        junit->outcome.state == STATE_SKIPPED) {
        junit->outcome.state = expected ? STATE_XFAILED : STATE_SKIPPED;
        junit->outcome.reason = keep(junit, attribute(attributes, "message"));
        start_text(junit, TEXT_SKIPPED);
    }
}

// An element right below a case.
static void
start_part(struct junit *junit, const char *name, const char **attributes)
{
    if (strcmp(name, "failure") == 0) {
        start_finding(junit, FINDING_FAILURE, attributes);
    } else if (strcmp(name, "error") == 0) {
        start_finding(junit, FINDING_ERROR, attributes);
    } else if (strcmp(name, "skipped") == 0) {
        start_skipped(junit, attributes);
    } else if (strcmp(name, "system-out") == 0) {
        start_text(junit, TEXT_OUT);
    } else if (strcmp(name, "system-err") == 0) {
        start_text(junit, TEXT_ERR);
    }
}

// <error> or <failure> of a whole suite: a case that nobody wrote.
static void
start_suite_error(struct junit *junit, enum finding_kind kind,
                  const char **attributes)
{
    static const char *none[] = {NULL};

    start_case(junit, none);
    start_finding(junit, kind, attributes);
}

static bool
check_root(struct junit *junit, const char *name)
{
    if (strcmp(name, "testsuites") == 0 || strcmp(name, "testsuite") == 0) {
        return true;
    }
    if (junit->core->guessed) {
        junit->foreign = true;
    } else {
        report_core_problem(junit->core, "the XML is <%.40s>, no JUnit report",
                            name);
    }
    stop(junit);
    return false;
}

static void
on_start(void *data, const char *full_name, const char **attributes)
{
    struct junit *junit = data;
    const char *name = local_name(full_name);

    junit->depth++;
    if (junit->depth == 1 && !check_root(junit, name)) {
        return;
    }
    if (junit->depth > DEPTH_MAX) {
        report_core_problem(junit->core, "the XML is nested more than %d deep",
                            DEPTH_MAX);
        stop(junit);
        return;
    }
    if (junit->case_depth > 0) {
        if (junit->depth == junit->case_depth + 1) {
            start_part(junit, name, attributes);
        }
        return;
    }
    if (strcmp(name, "testsuite") == 0) {
        char *suite = alloc_dup(attribute(attributes, "name"));
        ARRAY_ADD(&junit->suites, suite);
    } else if (strcmp(name, "testcase") == 0) {
        start_case(junit, attributes);
    } else if (strcmp(name, "error") == 0) {
        start_suite_error(junit, FINDING_ERROR, attributes);
    } else if (strcmp(name, "failure") == 0) {
        start_suite_error(junit, FINDING_FAILURE, attributes);
    }
}

static void
end_text(struct junit *junit)
{
    struct buf buf = BUF_INIT(junit->core->limit + 100);

    switch (junit->text) {
    case TEXT_FINDING:
        clip_add_to(&junit->chars, &buf);
        ARRAY_LAST(&junit->findings).trace =
            keep_text(&junit->keep, slice_first(buf_slice(&buf), TRACE_MAX));
        break;
    case TEXT_SKIPPED:
        if (junit->outcome.reason.len == 0) {
            clip_add_to(&junit->chars, &buf);
            junit->outcome.reason =
                keep_text(&junit->keep, slice_trim(buf_slice(&buf)));
        }
        break;
    case TEXT_OUT:
    case TEXT_ERR:
    case TEXT_NONE:
        break;
    }
    junit->text = TEXT_NONE;
    buf_release(&buf);
}

// Where it happened is where the first finding says so.
static void
place_case(struct junit *junit)
{
    for (size_t i = 0; i < junit->findings.count && junit->file.len == 0; i++) {
        junit->file = junit->findings.items[i].file;
        junit->line = junit->findings.items[i].line;
    }
}

static void
end_case(struct junit *junit)
{
    struct buf id = BUF_INIT(2 * TOKEN_MAX);

    place_case(junit);
    buf_add_slice(&id, junit->class_name);
    if (junit->class_name.len > 0 && junit->name.len > 0) {
        buf_add_char(&id, '.');
    }
    buf_add_slice(&id, junit->name);
    if (id.len == 0) {
        buf_add_text(&id, "(no name)");
    }
    junit->outcome.findings = junit->findings.items;
    junit->outcome.finding_count = junit->findings.count;
    junit->outcome.out = clip_output(&junit->out);
    junit->outcome.err = clip_output(&junit->err);
    report_core_point(junit->core,
                      &(struct report_point){
                          .id = buf_slice(&id),
                          .file = junit->file,
                          .line = junit->line,
                          .outcome = &junit->outcome,
                      },
                      false);
    buf_release(&id);
    clip_reset(&junit->out);
    clip_reset(&junit->err);
    keep_drop(&junit->keep);
    junit->case_depth = 0;
}

static void
on_end(void *data, const char *full_name)
{
    struct junit *junit = data;

    if (junit->text != TEXT_NONE && junit->depth == junit->text_depth) {
        end_text(junit);
    }
    if (junit->case_depth == junit->depth) {
        end_case(junit);
    } else if (junit->case_depth == 0 && junit->suites.count > 0 &&
               strcmp(local_name(full_name), "testsuite") == 0) {
        free(ARRAY_POP(&junit->suites));
    }
    junit->depth--;
    if (junit->depth == 0) {
        stop(junit);
    }
}

static void
on_chars(void *data, const char *chars, int len)
{
    struct junit *junit = data;

    struct slice text = slice_make(chars, (size_t)len);

    switch (junit->text) {
    case TEXT_FINDING:
    case TEXT_SKIPPED:
        clip_add(&junit->chars, text);
        break;
    case TEXT_OUT:
        clip_add(&junit->out, text);
        break;
    case TEXT_ERR:
        clip_add(&junit->err, text);
        break;
    case TEXT_NONE:
        break;
    }
}

static void
on_doctype(void *data, const char *name, const char *system_id,
           const char *public_id, int has_internal)
{
    struct junit *junit = data;

    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal;
    report_core_problem(junit->core,
                        "the XML has a DOCTYPE, which is not taken");
    stop(junit);
}

static void *
junit_start(struct report_core *core)
{
    struct junit *junit = ALLOC(struct junit);

    junit->core = core;
    junit->parser = XML_ParserCreate(NULL);
    if (junit->parser == NULL) {
        alloc_failed(sizeof(*junit));
    }
    XML_SetUserData(junit->parser, junit);
    XML_SetElementHandler(junit->parser, on_start, on_end);
    XML_SetCharacterDataHandler(junit->parser, on_chars);
    XML_SetStartDoctypeDeclHandler(junit->parser, on_doctype);
    clip_init(&junit->out, core->limit);
    clip_init(&junit->err, core->limit);
    clip_init(&junit->chars, core->limit);
    return junit;
}

static void
junit_free(void *self)
{
    struct junit *junit = self;

    XML_ParserFree(junit->parser);
    while (junit->suites.count > 0) {
        free(ARRAY_POP(&junit->suites));
    }
    ARRAY_RELEASE(&junit->suites);
    ARRAY_RELEASE(&junit->findings);
    clip_release(&junit->out);
    clip_release(&junit->err);
    clip_release(&junit->chars);
    keep_release(&junit->keep);
    free(junit);
}

// What the parser holds because a tag is not complete must not grow for ever.
static void
check_token(struct junit *junit)
{
    XML_Index at = XML_GetCurrentByteIndex(junit->parser);

    if (junit->stage == STAGE_INSIDE && at >= 0 &&
        junit->fed - (size_t)at > TOKEN_MAX + PIECE_MAX) {
        report_core_problem(junit->core,
                            "the XML has a tag of more than %zu "
                            "bytes",
                            TOKEN_MAX);
        stop(junit);
    }
}

static void
parse(struct junit *junit, struct slice piece, bool last)
{
    junit->fed += piece.len;
    enum XML_Status status =
        XML_Parse(junit->parser, piece.data, (int)piece.len, last ? 1 : 0);
    if (status != XML_STATUS_ERROR) {
        check_token(junit);
        return;
    }
    if (junit->stage == STAGE_AFTER) {
        return; // it was stopped
    }
    junit->stage = STAGE_AFTER;
    report_core_problem(junit->core, "the XML is broken in line %lu: %s",
                        (unsigned long)XML_GetCurrentLineNumber(junit->parser),
                        XML_ErrorString(XML_GetErrorCode(junit->parser)));
}

static void
junit_feed(void *self, struct slice bytes)
{
    struct junit *junit = self;

    if (junit->stage == STAGE_BEFORE) {
        size_t start = slice_find(bytes, '<');
        report_core_printed(junit->core, slice_first(bytes, start));
        bytes = slice_skip(bytes, start);
        junit->stage = bytes.len > 0 ? STAGE_INSIDE : STAGE_BEFORE;
    }
    while (junit->stage == STAGE_INSIDE && bytes.len > 0) {
        struct slice piece = slice_first(bytes, PIECE_MAX);

        parse(junit, piece, false);
        if (!junit->foreign) {
            bytes = slice_skip(bytes, PIECE_MAX);
        }
    }
    if (junit->stage == STAGE_AFTER) {
        report_core_printed(junit->core, bytes);
    }
}

static void
junit_end(void *self, int status)
{
    struct junit *junit = self;

    (void)status;
    if (junit->stage == STAGE_INSIDE) {
        parse(junit, SLICE(""), true);
    } else if (junit->stage == STAGE_BEFORE) {
        report_core_problem(junit->core, "no XML came");
    }
}

const struct report_format report_format_junit = {
    .start = junit_start,
    .feed = junit_feed,
    .end = junit_end,
    .free = junit_free,
};
