#include "run/adapter_command.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

struct variables {
    char *texts[8];
    const char *list[9];
    int count;
};

static void
add_variable(struct variables *variables, const char *name, const char *value)
{
    char *text = alloc_printf("%s=%s", name, value);
    variables->texts[variables->count] = text;
    variables->list[variables->count++] = text;
}

static void
choose_output(struct child_params *params, const struct adapter_start *start)
{
    if (start->command->terminal) {
        params->input = CHILD_INPUT_TERMINAL;
        params->out = CHILD_OUTPUT_TERMINAL;
        params->err = CHILD_OUTPUT_TERMINAL;
        params->leads = CHILD_LEADS_TERMINAL;
    } else if (start->out != NULL) {
        bool merged = strcmp(start->out, start->err) == 0;
        params->out = CHILD_OUTPUT_FILE;
        params->out_path = start->out;
        params->err = merged ? CHILD_OUTPUT_SAME : CHILD_OUTPUT_FILE;
        params->err_path = merged ? NULL : start->err;
    }
}

struct child *
adapter_command_start(struct guardians *guardians,
                      const struct adapter_start *start,
                      const struct child_events *events, void *ctx,
                      struct err *err)
{
    struct variables variables = {0};
    add_variable(&variables, "MULE_SOCKET", start->socket);
    if (start->slot >= 0) {
        char slot[16];
        snprintf(slot, sizeof(slot), "%d", start->slot);
        add_variable(&variables, "MULE_ROLE", "worker");
        add_variable(&variables, "MULE_SLOT", slot);
        add_variable(&variables, "MULE_LOCAL_SLOT", slot);
    } else {
        add_variable(&variables, "MULE_ROLE", "zygote");
    }
    if (start->tmp != NULL) {
        add_variable(&variables, "TMPDIR", start->tmp);
    }
    struct child_params params = {
        .argv = start->command->argv,
        .env = variables.list,
        .zygote = true,
    };
    choose_output(&params, start);
    struct child *child = child_start(guardians, &params, events, ctx, err);
    if (child == NULL) {
        err_wrap(err, "starting adapter \"%s\"", start->command->name);
    }
    for (int i = 0; i < variables.count; i++) {
        free(variables.texts[i]);
    }
    return child;
}
