/*
 * Whom the system trusts: the certificates of the authorities that it comes
 * with. OpenSSL knows where its own system keeps them; where it was linked into
 * a program that runs on another one, that place is not there, and the places
 * of other systems are looked at.
 */
#ifndef TRANSPORT_TRUST_H
#define TRANSPORT_TRUST_H

#include <openssl/ssl.h>

#include "util/err.h"

/* Lets the context trust them. Finding none is no error: nobody is trusted. */
bool trust_system(SSL_CTX *context, struct err *err);

/*
 * The first of the files that is there, or NULL if OpenSSL's own file or
 * folder is: nothing else is to be looked at then. `files` ends with NULL.
 */
const char *trust_choose(const char *own_file, const char *own_folder,
                         const char *const *files);

#endif
