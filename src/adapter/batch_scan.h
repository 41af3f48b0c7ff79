/*
 * The short cut for the two messages that come a million times: `passed` and
 * `job`. Reads them without building a JSON value, an order of magnitude
 * faster, and only as long as everything about them is usual: what it does not
 * like it leaves to jansson, mistakes too, so it has no errors of its own.
 */
#ifndef ADAPTER_BATCH_SCAN_H
#define ADAPTER_BATCH_SCAN_H

#include <stdbool.h>

#include "util/slice.h"

struct adapter_message;

/*
 * Reads the line into the message and gives true, or gives false: to be
 * decoded in the ordinary way. The texts it gives borrow from the line.
 */
bool batch_scan(struct adapter_message *message, struct slice line);

#endif
