#include "run/adapter_command.h"

#include "run/variables.h"

#include <string.h>

static void
choose_output(struct child_params *params, const struct adapter_start *start)
{
    if (start->command->terminal && !start->tidy) {
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
    variables_set(&variables, "MULE_SOCKET", start->socket);
    if (start->slot >= 0) {
        variables_set(&variables, "MULE_ROLE", "worker");
        variables_set_number(&variables, "MULE_SLOT", start->slot);
        variables_set_number(&variables, "MULE_LOCAL_SLOT", start->local_slot);
    } else {
        variables_set(&variables, "MULE_ROLE", start->tidy ? "tidy" : "zygote");
    }
    if (start->tmp != NULL) {
        variables_set(&variables, "TMPDIR", start->tmp);
    }
    struct child_params params = {
        .argv = start->command->argv,
        .env = variables_list(&variables),
        .zygote = !start->tidy,
    };
    choose_output(&params, start);
    struct child *child = child_start(guardians, &params, events, ctx, err);
    if (child == NULL) {
        err_wrap(err, "starting adapter \"%s\"", start->command->name);
    }
    variables_release(&variables);
    return child;
}
