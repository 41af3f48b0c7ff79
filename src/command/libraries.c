#include "command/libraries.h"

#include <dlfcn.h>
#include <expat.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <yaml.h>

/* `symbol` is a function of the library. */
static void
set(struct library *library, const char *name, const char *version,
    const void *symbol)
{
    Dl_info info;
    memset(library, 0, sizeof(*library));
    library->name = name;
    snprintf(library->version, sizeof(library->version), "%s", version);
    if (dladdr(symbol, &info) != 0 && info.dli_fname != NULL &&
        strstr(info.dli_fname, ".so") != NULL) {
        snprintf(library->path, sizeof(library->path), "%s", info.dli_fname);
    }
}

void
libraries_find(struct libraries *libraries)
{
    struct library *items = libraries->items;
    void (*uv)(void) = (void (*)(void))uv_version_string;
    void (*jansson)(void) = (void (*)(void))jansson_version_str;
    void (*expat)(void) = (void (*)(void))XML_ExpatVersion;
    void (*yaml)(void) = (void (*)(void))yaml_get_version_string;
    // ISO C has no cast from a function to an object; POSIX wants the bytes.
    const void *at[LIBRARIES_COUNT];
    memcpy(&at[0], &uv, sizeof(uv));
    memcpy(&at[1], &jansson, sizeof(jansson));
    memcpy(&at[2], &expat, sizeof(expat));
    memcpy(&at[3], &yaml, sizeof(yaml));
    set(&items[0], "libuv", uv_version_string(), at[0]);
    set(&items[1], "jansson", jansson_version_str(), at[1]);
    set(&items[2], "expat", XML_ExpatVersion(), at[2]);
    set(&items[3], "libyaml", yaml_get_version_string(), at[3]);
}
