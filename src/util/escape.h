/*
 * Bytes of any kind -> text that is safe and well-formed in one format. All
 * repair UTF-8 on the way, add to `buf`, and give false beyond its maximum;
 * what was added until then is not whole and must not be used.
 */
#ifndef UTIL_ESCAPE_H
#define UTIL_ESCAPE_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/slice.h"

/*
 * XML 1.0. Terminal escape sequences and characters that XML does not know
 * are dropped. In attributes, tabs and line ends are written as references,
 * so that they survive.
 */
bool escape_xml(struct buf *buf, struct slice text);
bool escape_xml_attribute(struct buf *buf, struct slice text);

/* A JSON string with its quotes; NUL is \u0000. */
bool escape_json(struct buf *buf, struct slice text);

/*
 * One word of a POSIX shell, quoted only where it must be. The exception to
 * the rule above: the bytes stay as they are, so that the word names what it
 * names.
 */
bool escape_shell(struct buf *buf, struct slice word);

enum escape_lines {
    ESCAPE_ONE_LINE, // line ends and tabs are shown like other controls
    ESCAPE_KEEP_LINES,
};

/*
 * For a terminal or a log: escape sequences are dropped, other control
 * characters and those that reorder text are shown as \x07 or \u202e.
 */
bool escape_terminal(struct buf *buf, struct slice text,
                     enum escape_lines lines);

#endif
