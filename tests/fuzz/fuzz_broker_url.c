// Any text as the URLs of brokers.
#include <string.h>

#include "fuzz.h"
#include "transport/broker_url.h"
#include "util/alloc.h"

static void
check_one(const struct broker_url *url)
{
    size_t len = strlen(url->shown);

    for (size_t i = 0; i < len; i++) {
        FUZZ_CHECK(url->shown[i] > ' ' && url->shown[i] < 0x7f);
    }
    FUZZ_CHECK(strstr(url->shown, "://") != NULL);
    FUZZ_CHECK(url->port >= 0 && url->port <= 65535 && url->database >= 0);
    FUZZ_CHECK(url->user && url->password && url->vhost && url->prefix &&
               url->path && url->ca && url->certificate && url->key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_dup_bytes(data, size);
    struct broker_urls urls;
    struct err err = {0};

    if (broker_urls_parse(&urls, text, &err)) {
        FUZZ_CHECK(urls.count > 0 && !err_is_set(&err));
        for (int i = 0; i < urls.count; i++) {
            FUZZ_CHECK(urls.items[i].kind == urls.items[0].kind);
            check_one(&urls.items[i]);
        }
    } else {
        FUZZ_CHECK(urls.count == 0 && err.kind == ERR_CONFIG);
    }
    broker_urls_release(&urls);
    free(text);
    return 0;
}
