#include "transport/trust.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "util/path.h"

const char *
trust_choose(const char *own_file, const char *own_folder,
             const char *const *files)
{
    if (path_is_file(own_file) || path_is_folder(own_folder)) {
        return NULL;
    }
    while (*files != NULL && !path_is_file(*files)) {
        files++;
    }
    return *files;
}

static const char *
variable_or(const char *name, const char *other)
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : other;
}

bool
trust_system(SSL_CTX *context, struct err *err)
{
    static const char *const files[] = {
        "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem", // SUSE
        "/etc/ssl/cert.pem",      // Alpine, macOS
        NULL,
    };
    const char *file =
        trust_choose(variable_or(X509_get_default_cert_file_env(),
                                 X509_get_default_cert_file()),
                     variable_or(X509_get_default_cert_dir_env(),
                                 X509_get_default_cert_dir()),
                     files);

    if (SSL_CTX_set_default_verify_paths(context) == 1 &&
        (file == NULL ||
         SSL_CTX_load_verify_locations(context, file, NULL) == 1)) {
        return true;
    }
    const char *text = ERR_reason_error_string(ERR_peek_error());
    return err_set(err, ERR_CONFIG, "the system's certificates: %s",
                   text != NULL ? text : "unknown reason");
}
