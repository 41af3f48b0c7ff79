#include "fleet/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util/alloc.h"

enum {
    SECRET_MAX = 4096,
    DIGEST_LEN = 32,
};

void
secret_set(struct secret *secret, struct slice bytes)
{
    secret->bytes = alloc_dup_bytes(bytes.data, bytes.len);
    secret->len = bytes.len;
}

void
secret_release(struct secret *secret)
{
    if (secret->bytes != NULL) {
        OPENSSL_cleanse(secret->bytes, secret->len);
    }
    free(secret->bytes);
    *secret = (struct secret){0};
}

bool
secret_is_set(const struct secret *secret)
{
    return secret->len > 0;
}

static bool
check_mode(int fd, const char *path, struct err *err)
{
    struct stat about;

    if (fstat(fd, &about) != 0) {
        return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
    }
    if (!S_ISREG(about.st_mode)) {
        return err_set(err, ERR_CONFIG, "%s is no file", path);
    }
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        err_set(err, ERR_CONFIG, "others may read or change %s (mode %04o)",
                path, (unsigned)(about.st_mode & 07777));
        return err_hint(err, "chmod 600 keeps it to its owner");
    }
    if (about.st_uid != geteuid() && about.st_uid != 0) {
        return err_set(err, ERR_CONFIG, "%s belongs to somebody else", path);
    }
    return true;
}

static bool
take_text(struct secret *secret, struct slice text, const char *from,
          struct err *err)
{
    struct slice bytes = slice_trim_end(text);

    if (bytes.len == 0) {
        return err_set(err, ERR_CONFIG, "%s holds no secret", from);
    }
    if (bytes.len > SECRET_MAX) {
        return err_set(err, ERR_CONFIG,
                       "the secret in %s is longer than %d bytes", from,
                       SECRET_MAX);
    }
    secret_set(secret, bytes);
    return true;
}

static bool
read_file(struct secret *secret, const char *path, struct err *err)
{
    char text[SECRET_MAX + 2];
    size_t len = 0;
    ssize_t got = 0;
    // Not blocking: a pipe of that name is refused, not waited for.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
    }
    bool fine = check_mode(fd, path, err);
    while (fine && len < sizeof(text)) {
        got = read(fd, text + len, sizeof(text) - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    if (fine && got < 0) {
        fine = err_set_errno(err, ERR_CONFIG, errno, "%s", path);
    }
    close(fd);
    fine = fine && take_text(secret, slice_make(text, len), path, err);
    OPENSSL_cleanse(text, sizeof(text));
    return fine;
}

bool
secret_read(struct secret *secret, const char *path, struct err *err)
{
    *secret = (struct secret){0};
    char *variable = getenv("MULE_SECRET");
    bool fine = true;

    if (path != NULL) {
        fine = read_file(secret, path, err);
    } else if (variable != NULL && *variable != '\0') {
        fine = take_text(secret, slice_of(variable), "MULE_SECRET", err);
    }
    if (variable != NULL) {
        // Also where `ps e` and /proc/self/environ look.
        OPENSSL_cleanse(variable, strlen(variable));
        unsetenv("MULE_SECRET");
    }
    return fine || err_wrap(err, "reading the secret");
}

void
seal_make(const struct secret *secret, struct slice payload,
          char seal[static SEAL_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    seal[0] = '\0';
    if (!secret_is_set(secret)) {
        return;
    }
    if (HMAC(EVP_sha256(), secret->bytes, (int)secret->len,
             (const unsigned char *)payload.data, payload.len, digest,
             &len) == NULL) {
        alloc_failed(payload.len);
    }
    assert(len == DIGEST_LEN);
    for (int i = 0; i < DIGEST_LEN; i++) {
        seal[(ptrdiff_t)2 * i] = digits[digest[i] >> 4];
        seal[2 * i + 1] = digits[digest[i] & 15];
    }
    seal[SEAL_SIZE - 1] = '\0';
}

bool
seal_check(const struct secret *secret, struct slice payload, struct slice seal)
{
    char wanted[SEAL_SIZE];

    if (!secret_is_set(secret)) {
        return true;
    }
    seal_make(secret, payload, wanted);
    return seal.len == SEAL_SIZE - 1 &&
           CRYPTO_memcmp(wanted, seal.data, SEAL_SIZE - 1) == 0;
}
