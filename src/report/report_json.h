/*
 * Every event as one JSON line, written at once: who reads sees each test end
 * when it ends, and a crash of mule loses nothing that was said. Any bytes of
 * a test become valid JSON; what is not UTF-8 becomes U+FFFD.
 * docs/protocol/events.md is the schema.
 */
#ifndef REPORT_REPORT_JSON_H
#define REPORT_REPORT_JSON_H

#include "model/event.h"

/* `path` is a file, which is emptied first, or "-": standard output.
 * NULL with err and a hint when it cannot be opened. */
struct event_sink *report_json_new(const char *path, struct err *err);

#endif
