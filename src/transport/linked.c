#include "transport/linked.h"

#include <stdio.h>

#include <amqp.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>

#include "util/slice.h"

void
linked_libraries(struct linked libraries[LINKED_COUNT])
{
    // "OpenSSL 3.0.11 19 Sep 2023"
    struct slice openssl = slice_of(OpenSSL_version(OPENSSL_VERSION));
    struct slice word = openssl;

    slice_split(&openssl, ' ', &word);
    slice_split(&openssl, ' ', &word);
    libraries[0] = (struct linked){
        .name = "hiredis",
        .function = (void (*)(void))redisReaderFree,
    };
    // It cannot be asked; this is what was compiled with.
    snprintf(libraries[0].version, sizeof(libraries[0].version), "%d.%d.%d",
             HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    libraries[1] = (struct linked){
        .name = "rabbitmq-c",
        .function = (void (*)(void))amqp_version,
    };
    snprintf(libraries[1].version, sizeof(libraries[1].version), "%s",
             amqp_version());
    libraries[2] = (struct linked){
        .name = "openssl",
        .function = (void (*)(void))OpenSSL_version,
    };
    snprintf(libraries[2].version, sizeof(libraries[2].version), "%.*s",
             (int)word.len, word.data);
}
