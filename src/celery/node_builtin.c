// What the builtin commands of a node have in common.
#include "celery/node_builtin.h"

#include <stdarg.h>

#include "celery/wire_json.h"
#include "util/buf.h"

// One command may concern so many tasks.
#define IDS_MAX 65536

json_t *
builtin_ok(const char *format, ...)
{
    struct buf text = BUF_INIT(1u << 20);
    json_t *answer = json_object();
    va_list arguments;

    va_start(arguments, format);
    if (!buf_vaddf(&text, format, arguments)) {
        (void)buf_add_text(&text, "done");
    }
    va_end(arguments);
    wire_json_set(answer, "ok", wire_json_text(buf_slice(&text)));
    buf_release(&text);
    return answer;
}

bool
builtin_misses(struct err *err, const char *method, const char *name)
{
    return err_set(err, ERR_PROTOCOL,
                   "TypeError(\"%s() missing 1 required positional argument: "
                   "'%s'\")",
                   method, name);
}

json_t *
builtin_ids(const json_t *value)
{
    json_t *list = json_array();

    if (json_is_string(value)) {
        json_array_append_new(list, wire_json_share(value));
    }
    for (size_t i = 0; i < json_array_size(value) && i < IDS_MAX; i++) {
        const json_t *id = json_array_get(value, i);
        if (json_is_string(id)) {
            json_array_append_new(list, wire_json_share(id));
        }
    }
    return list;
}

struct slice
builtin_id(const json_t *ids, size_t index)
{
    const json_t *id = json_array_get(ids, index);

    return slice_make(json_string_value(id), json_string_length(id));
}
