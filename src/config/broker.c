#include "config/broker.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static const char *const hidden[] = {
    "MULE_BROKER",
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "MULE_SECRET",
};

static const char *
variable(const char *name)
{
    // Read once, before any thread is there.
    const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe)
    return value != NULL && value[0] != '\0' ? value : NULL;
}

char *
broker_choose(const struct settings *settings, const char **origin,
              struct err *err)
{
    static const char *const names[] = {"MULE_BROKER", "CELERY_BROKER_URL"};

    if (settings->broker != NULL && settings->broker[0] != '\0') {
        *origin = "--broker or mule.yaml";
        return alloc_dup(settings->broker);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = variable(names[i]);
        if (value != NULL) {
            *origin = names[i];
            return alloc_dup(value);
        }
    }
    err_set(err, ERR_CONFIG, "no broker is named");
    err_hint(err, "pass --broker URL, as in redis://localhost/0, or set "
                  "MULE_BROKER or `broker:` in mule.yaml");
    return NULL;
}

void
broker_hide(void)
{
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        char *value = getenv(hidden[i]); // NOLINT(concurrency-mt-unsafe)
        if (value != NULL) {
            // Also where /proc/PID/environ looks.
            explicit_bzero(value, strlen(value));
            unsetenv(hidden[i]);
        }
    }
}
