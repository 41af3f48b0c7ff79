#include "fleet/fleet_names.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static bool
is_plain(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' ||
           byte == '-';
}

char *
fleet_names_escape(const char *text)
{
    size_t len = strlen(text);
    struct buf buf = BUF_INIT(3 * len);

    for (size_t i = 0; i < len; i++) {
        if (is_plain(text[i])) {
            buf_add_char(&buf, text[i]);
        } else {
            buf_addf(&buf, "=%02X", (unsigned)(unsigned char)text[i]);
        }
    }
    return buf_take(&buf);
}

bool
fleet_names_init(struct fleet_names *names, const char *build_id,
                 struct err *err)
{
    *names = (struct fleet_names){0};
    if (!text_is_valid(slice_of(build_id))) {
        return err_set(err, ERR_CONFIG, "the build id is not UTF-8");
    }
    char *build = fleet_names_escape(build_id);
    size_t len = strlen(build);

    if (len == 0 || len > FLEET_BUILD_MAX) {
        free(build);
        err_set(err, ERR_CONFIG, "the build id is %s: \"%.40s\"",
                len == 0 ? "empty" : "too long", build_id);
        return err_hint(err, "200 bytes are the most, and what is no letter, "
                             "digit, `.`, `_` or `-` counts three");
    }
    names->build = build;
    names->queue = alloc_printf("mule-%s", build);
    names->inbox = alloc_printf("mule-in-%s", build);
    return true;
}

void
fleet_names_release(struct fleet_names *names)
{
    free(names->build);
    free(names->queue);
    free(names->inbox);
    *names = (struct fleet_names){0};
}

char *
fleet_names_ship(const struct fleet_names *names, const char *join)
{
    return alloc_printf("mule-ship-%s-%s", names->build, join);
}
