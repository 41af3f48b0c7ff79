#include "config/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/slice.h"

// A secret is a line, not a document.
enum {
    SECRET_MAX = 4096
};

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

static bool
read_secret(int fd, const char *path, char secret[SECRET_MAX + 1], size_t *len,
            struct err *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return err_set_errno(err, ERR_CONFIG, errno, "secret file \"%.100s\"",
                             path);
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        err_set(err, ERR_CONFIG, "others may read the secret file \"%.100s\"",
                path);
        return err_hint(err, "chmod 600 makes it its owner's alone");
    }
    *len = 0;
    for (;;) {
        ssize_t got = read(fd, secret + *len, SECRET_MAX + 1 - *len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_set_errno(err, ERR_CONFIG, errno,
                                 "secret file \"%.100s\"", path);
        }
        *len += (size_t)got;
        if (got == 0) {
            return true;
        }
        if (*len > SECRET_MAX) {
            return err_set(err, ERR_CONFIG,
                           "the secret file \"%.100s\" is longer than %d bytes",
                           path, SECRET_MAX);
        }
    }
}

static char *
secret_of_file(const char *path, struct err *err)
{
    char secret[SECRET_MAX + 1];
    size_t len = 0;
    char *result = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err_set_errno(err, ERR_CONFIG, errno, "secret file \"%.100s\"", path);
        return NULL;
    }
    if (read_secret(fd, path, secret, &len, err)) {
        struct slice trimmed = slice_trim(slice_make(secret, len));
        if (trimmed.len == 0) {
            err_set(err, ERR_CONFIG, "the secret file \"%.100s\" is empty",
                    path);
        } else {
            result = slice_dup(trimmed);
        }
    }
    explicit_bzero(secret, sizeof(secret));
    close(fd);
    return result;
}

char *
broker_secret(const struct settings *settings, struct err *err)
{
    if (settings->secret_file != NULL) {
        return secret_of_file(settings->secret_file, err);
    }
    const char *value = variable("MULE_SECRET");
    return alloc_dup(value != NULL ? value : "");
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
