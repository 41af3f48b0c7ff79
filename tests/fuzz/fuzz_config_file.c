// Any bytes as mule.yaml: they are settings that hold, or an error with a
// place and without control characters of its own making.
#include <string.h>

#include "config/config_file.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings;
    struct err err = {0};

    settings_init(&settings);
    struct slice text = slice_make((const char *)data, size);
    if (config_file_parse(&settings, "../mule.yaml", text, &err)) {
        int workspaces = settings.workspace_count;
        int overrides = settings.override_count;
        // The same again wins over the first, and finds nothing twice.
        FUZZ_CHECK(config_file_parse(&settings, "../mule.yaml", text, &err));
        FUZZ_CHECK(settings.workspace_count == workspaces);
        FUZZ_CHECK(settings.override_count == 2 * overrides);
        FUZZ_CHECK(!err_is_set(&err));
        FUZZ_CHECK(settings.slots >= 0 && settings.verbosity <= 3);
        FUZZ_CHECK(settings.basedir[0] != '\0');
        for (int i = 0; i < settings.override_count; i++) {
            FUZZ_CHECK(settings.overrides[i].match != NULL);
        }
        for (int i = 0; i < settings.workspace_count; i++) {
            FUZZ_CHECK(settings.workspaces[i].name[0] != '\0');
        }
    } else {
        FUZZ_CHECK(err.kind == ERR_CONFIG);
        FUZZ_CHECK(strncmp(err.text, "../mule.yaml:", 13) == 0);
    }
    settings_release(&settings);
    return 0;
}
