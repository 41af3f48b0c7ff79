#include "fleet/carrier_json.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

void
carrier_json_set(json_t *object, const char *name, json_t *value)
{
    if (object == NULL || json_object_set_new(object, name, value) != 0) {
        alloc_failed(0);
    }
}

void
carrier_json_send(struct connection *connection, json_t *line)
{
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);

    if (text == NULL) {
        alloc_failed(0);
    }
    // The end of the text is the end of the line.
    size_t len = strlen(text);
    text[len] = '\n';
    connection_send(connection, text, len + 1);
    free(text);
    json_decref(line);
}
