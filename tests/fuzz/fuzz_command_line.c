// Any words, one a line, as the command line of any command.
#include <string.h>

#include "config/choices.h"
#include "config/command_line.h"
#include "fuzz.h"
#include "util/alloc.h"

enum {
    WORDS_MAX = 40
};

static int
cut(char *text, char *words[WORDS_MAX])
{
    int count = 0;

    while (text != NULL && count < WORDS_MAX) {
        words[count++] = text;
        text = strchr(text, '\n');
        if (text != NULL) {
            *text++ = '\0';
        }
    }
    return count;
}

static void
try(enum option_command command, int count, char *const words[])
{
    struct command_line line = {0};
    struct settings settings;
    struct texts notes = {0};
    struct err err = {0};

    settings_init(&settings);
    if (command_line_read(&line, command, count, words, &err) &&
        command_line_apply(&line, &settings, &err) &&
        choices_settle(&settings, command, &notes, &err)) {
        FUZZ_CHECK(settings.verbosity >= 0 && settings.verbosity <= 3);
        FUZZ_CHECK(settings.slots >= 0);
        FUZZ_CHECK(!settings.pdb || settings.slots == 1);
        FUZZ_CHECK(settings.labels.count <= count);
    } else {
        FUZZ_CHECK(err.kind == ERR_USAGE || err.kind == ERR_CONFIG);
    }
    texts_release(&notes);
    settings_release(&settings);
    command_line_release(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = alloc_dup_bytes(data, size < 4000 ? size : 4000);
    char *words[WORDS_MAX];
    int count = cut(text, words);

    try(COMMAND_TEST, count, words);
    try(COMMAND_LIST, count, words);
    try(COMMAND_DOCTOR, count, words);
    try(COMMAND_ADAPTER_CHECK, count, words);
    free(text);
    return 0;
}
