#include "celery/names.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "util/alloc.h"

#define NODE_MAX 200

const struct exchange_params names_control_exchange = {
    .name = NAMES_CONTROL_EXCHANGE, .kind = EXCHANGE_FANOUT};
const struct exchange_params names_reply_exchange = {
    .name = NAMES_REPLY_EXCHANGE, .kind = EXCHANGE_DIRECT};
const struct exchange_params names_event_exchange = {
    .name = NAMES_EVENT_EXCHANGE, .kind = EXCHANGE_TOPIC, .durable = true};

char *
names_control_queue(const char *node)
{
    return alloc_printf("%s." NAMES_CONTROL_EXCHANGE, node);
}

char *
names_node(const char *name)
{
    char host[256] = "localhost";

    if (strchr(name, '@') != NULL) {
        return alloc_dup(name);
    }
    if (gethostname(host, sizeof(host)) == 0) {
        host[sizeof(host) - 1] = '\0';
    }
    return alloc_printf("%s@%s", name, host);
}

bool
names_node_check(const char *node, struct err *err)
{
    const char *at = strchr(node, '@');
    size_t len = strlen(node);

    if (at == NULL || at == node || at[1] == '\0' ||
        strchr(at + 1, '@') != NULL) {
        return err_set(err, ERR_CONFIG,
                       "a node is called NAME@HOST, which this is not: %.100s",
                       node);
    }
    if (len > NODE_MAX) {
        return err_set(err, ERR_CONFIG,
                       "the name of a node has at most %d bytes", NODE_MAX);
    }
    for (size_t i = 0; i < len; i++) {
        // A star, a hash or a blank would be a pattern or an end somewhere.
        if (node[i] <= ' ' || node[i] > '~' || strchr("*#", node[i]) != NULL) {
            return err_set(err, ERR_CONFIG,
                           "the name of a node has only printable ASCII, and "
                           "no blank, * or #: %.100s",
                           node);
        }
    }
    return true;
}

void
names_uuid(char text[static NAMES_UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16] = {0};
    size_t at = 0;

    // Cannot fail for so few bytes once the machine has started.
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        alloc_failed(sizeof(bytes));
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[bytes[i] >> 4];
        text[at++] = digits[bytes[i] & 0x0f];
    }
    text[at] = '\0';
}
