#include "util/sha256.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "util/alloc.h"

enum {
    DIGEST_BYTES = 32
};

struct sha256 {
    EVP_MD_CTX *context;
};

static void
begin(struct sha256 *sha256)
{
    // These fail for want of memory only.
    if (EVP_DigestInit_ex(sha256->context, EVP_sha256(), NULL) != 1) {
        alloc_failed(DIGEST_BYTES);
    }
}

struct sha256 *
sha256_new(void)
{
    struct sha256 *sha256 = ALLOC(struct sha256);

    sha256->context = EVP_MD_CTX_new();
    if (sha256->context == NULL) {
        alloc_failed(DIGEST_BYTES);
    }
    begin(sha256);
    return sha256;
}

void
sha256_add(struct sha256 *sha256, struct slice bytes)
{
    if (EVP_DigestUpdate(sha256->context, bytes.data, bytes.len) != 1) {
        alloc_failed(DIGEST_BYTES);
    }
}

void
sha256_end(struct sha256 *sha256, char text[static SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[DIGEST_BYTES];

    if (EVP_DigestFinal_ex(sha256->context, digest, NULL) != 1) {
        alloc_failed(DIGEST_BYTES);
    }
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[SHA256_SIZE - 1] = '\0';
    begin(sha256);
}

void
sha256_free(struct sha256 *sha256)
{
    if (sha256 != NULL) {
        EVP_MD_CTX_free(sha256->context);
        free(sha256);
    }
}

void
sha256_of(struct slice bytes, char text[static SHA256_SIZE])
{
    struct sha256 *sha256 = sha256_new();

    sha256_add(sha256, bytes);
    sha256_end(sha256, text);
    sha256_free(sha256);
}

bool
sha256_is_text(struct slice text)
{
    if (text.len != SHA256_SIZE - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char digit = text.data[i];
        if ((digit < '0' || digit > '9') && (digit < 'a' || digit > 'f')) {
            return false;
        }
    }
    return true;
}
