/*
 * Events of a YAML document, one at a time, with the place each stands at. A
 * thin coat over libyaml that refuses what a configuration does not need:
 * several documents, anchors, aliases, tags, deep nesting, NUL.
 */
#ifndef CONFIG_YAML_READER_H
#define CONFIG_YAML_READER_H

#include <stdbool.h>

#include <yaml.h>

#include "util/err.h"
#include "util/slice.h"

struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event; // the current one; owns its texts
    const char *path;
    int depth;
};

/* Borrows `path` and `text`. The current event is the first of the content, or
 * YAML_STREAM_END_EVENT when there is none. */
bool yaml_reader_start(struct yaml_reader *reader, const char *path,
                       struct slice text, struct err *err);
void yaml_reader_release(struct yaml_reader *reader);

/* Goes on to the next event. */
bool yaml_reader_next(struct yaml_reader *reader, struct err *err);

/* Nothing may follow but the end. */
bool yaml_reader_end(struct yaml_reader *reader, struct err *err);

/* The current event is a scalar; its text, which has no NUL. */
bool yaml_reader_is_scalar(const struct yaml_reader *reader);
const char *yaml_reader_text(const struct yaml_reader *reader);

/* Whether the scalar is an unquoted null: "", "~", "null". */
bool yaml_reader_is_null(const struct yaml_reader *reader);
/* Whether it is an unquoted true or false, as YAML 1.1 writes them. */
bool yaml_reader_is_bool(const struct yaml_reader *reader, bool *value);

/* An error at `mark`: "mule.yaml:3:5: ...". Returns false. */
bool yaml_reader_fail(const struct yaml_reader *reader, yaml_mark_t mark,
                      struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
