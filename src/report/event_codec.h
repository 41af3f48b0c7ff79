/*
 * An event -> its JSON object, as docs/protocol/events.md has it.
 */
#ifndef REPORT_EVENT_CODEC_H
#define REPORT_EVENT_CODEC_H

#include "model/event.h"
#include "util/buf.h"

/* Grows when a member changes its meaning or goes; not when one is added. */
#define EVENT_CODEC_SCHEMA 1

/* Adds one line, line feed included. */
void event_codec_write(struct buf *buf, const struct event *event);

#endif
