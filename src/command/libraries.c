#include "command/libraries.h"

#include <dlfcn.h>
#include <expat.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <yaml.h>
#include <zstd.h>

#include "transport/linked.h"

/* `function` is one of the library's. */
static void
set(struct library *library, const char *name, const char *version,
    void (*function)(void))
{
    Dl_info info;
    const void *symbol = NULL;
    memset(library, 0, sizeof(*library));
    library->name = name;
    snprintf(library->version, sizeof(library->version), "%s", version);
    // ISO C has no cast from a function to an object; POSIX wants the bytes.
    memcpy(&symbol, &function, sizeof(symbol));
    if (dladdr(symbol, &info) != 0 && info.dli_fname != NULL &&
        strstr(info.dli_fname, ".so") != NULL) {
        snprintf(library->path, sizeof(library->path), "%s", info.dli_fname);
    }
}

void
libraries_find(struct libraries *libraries)
{
    struct library *items = libraries->items;
    struct linked linked[LINKED_COUNT];

    set(&items[0], "libuv", uv_version_string(),
        (void (*)(void))uv_version_string);
    set(&items[1], "jansson", jansson_version_str(),
        (void (*)(void))jansson_version_str);
    set(&items[2], "expat", XML_ExpatVersion(),
        (void (*)(void))XML_ExpatVersion);
    set(&items[3], "libyaml", yaml_get_version_string(),
        (void (*)(void))yaml_get_version_string);
    set(&items[4], "sqlite", sqlite3_libversion(),
        (void (*)(void))sqlite3_libversion);
    set(&items[5], "zstd", ZSTD_versionString(),
        (void (*)(void))ZSTD_versionString);
    linked_libraries(linked);
    for (size_t i = 0; i < LINKED_COUNT; i++) {
        set(&items[6 + i], linked[i].name, linked[i].version,
            linked[i].function);
    }
}
