#include "config/yaml_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/config_file.h"
#include "util/alloc.h"

bool
yaml_reader_fail(const struct yaml_reader *reader, yaml_mark_t mark,
                 struct err *err, const char *format, ...)
{
    char text[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    err_set(err, ERR_CONFIG, "%s", text);
    return err_wrap(err, "%.120s:%zu:%zu", reader->path, mark.line + 1,
                    mark.column + 1);
}

// libyaml knows the place of a mistake only where its parser or scanner found
// it; its reader, which decodes bytes, knows an offset.
static bool
fail_to_parse(const struct yaml_reader *reader, struct err *err)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem =
        parser->problem != NULL ? parser->problem : "this is not YAML";

    if (parser->error == YAML_MEMORY_ERROR) {
        alloc_failed(0);
    }
    if (parser->error == YAML_READER_ERROR) {
        return err_set(err, ERR_CONFIG, "%.120s: byte %zu: %.80s", reader->path,
                       parser->problem_offset, problem);
    }
    return yaml_reader_fail(reader, parser->problem_mark, err, "%.100s",
                            problem);
}

static bool
refuse(const struct yaml_reader *reader, const char *what, struct err *err)
{
    return yaml_reader_fail(reader, reader->event.start_mark, err,
                            "%s not understood here", what);
}

static bool
check_scalar(const struct yaml_reader *reader, struct err *err)
{
    const yaml_event_t *event = &reader->event;

    if (event->data.scalar.anchor != NULL) {
        return refuse(reader, "anchors (&) are", err);
    }
    if (event->data.scalar.tag != NULL) {
        return refuse(reader, "tags (!) are", err);
    }
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length) !=
        NULL) {
        return refuse(reader, "a NUL is", err);
    }
    return true;
}

static bool
check_start(struct yaml_reader *reader, const void *anchor, const void *tag,
            struct err *err)
{
    if (anchor != NULL) {
        return refuse(reader, "anchors (&) are", err);
    }
    if (tag != NULL) {
        return refuse(reader, "tags (!) are", err);
    }
    if (++reader->depth > CONFIG_FILE_DEPTH_MAX) {
        return refuse(reader, "nesting this deep is", err);
    }
    return true;
}

static bool
check_event(struct yaml_reader *reader, struct err *err)
{
    const yaml_event_t *event = &reader->event;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return refuse(reader, "aliases (*) are", err);
    case YAML_SCALAR_EVENT:
        return check_scalar(reader, err);
    case YAML_SEQUENCE_START_EVENT:
        return check_start(reader, event->data.sequence_start.anchor,
                           event->data.sequence_start.tag, err);
    case YAML_MAPPING_START_EVENT:
        return check_start(reader, event->data.mapping_start.anchor,
                           event->data.mapping_start.tag, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    }
    return true;
}

bool
yaml_reader_next(struct yaml_reader *reader, struct err *err)
{
    yaml_event_delete(&reader->event);
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        memset(&reader->event, 0, sizeof(reader->event));
        return fail_to_parse(reader, err);
    }
    return check_event(reader, err);
}

bool
yaml_reader_start(struct yaml_reader *reader, const char *path,
                  struct slice text, struct err *err)
{
    const void *bytes = text.len > 0 ? text.data : "";

    memset(reader, 0, sizeof(*reader));
    reader->path = path;
    if (!yaml_parser_initialize(&reader->parser)) {
        alloc_failed(sizeof(reader->parser));
    }
    yaml_parser_set_input_string(&reader->parser, bytes, text.len);
    do {
        if (!yaml_reader_next(reader, err)) {
            return false;
        }
    } while (reader->event.type == YAML_STREAM_START_EVENT ||
             reader->event.type == YAML_DOCUMENT_START_EVENT);
    return true;
}

void
yaml_reader_release(struct yaml_reader *reader)
{
    yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
}

bool
yaml_reader_end(struct yaml_reader *reader, struct err *err)
{
    do {
        if (!yaml_reader_next(reader, err)) {
            return false;
        }
        if (reader->event.type == YAML_DOCUMENT_START_EVENT) {
            return refuse(reader, "a second document is", err);
        }
    } while (reader->event.type != YAML_STREAM_END_EVENT);
    return true;
}

bool
yaml_reader_is_scalar(const struct yaml_reader *reader)
{
    return reader->event.type == YAML_SCALAR_EVENT;
}

const char *
yaml_reader_text(const struct yaml_reader *reader)
{
    return (const char *)reader->event.data.scalar.value;
}

static bool
is_plain_word(const struct yaml_reader *reader, const char *const words[])
{
    if (!yaml_reader_is_scalar(reader) ||
        reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], yaml_reader_text(reader)) == 0) {
            return true;
        }
    }
    return false;
}

bool
yaml_reader_is_null(const struct yaml_reader *reader)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};

    return is_plain_word(reader, words);
}

bool
yaml_reader_is_bool(const struct yaml_reader *reader, bool *value)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes",
                                      "YES",  "on",   "On",   "ON",  NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no",  "No",
                                     "NO",    "off",   "Off",   "OFF", NULL};

    *value = is_plain_word(reader, yes);
    return *value || is_plain_word(reader, no);
}
