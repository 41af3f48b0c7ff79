#include "celery/producer.h"

#include <unistd.h>

#include "celery/names.h"
#include "util/alloc.h"

#include <stdlib.h>

bool
producer_send(struct transport *transport, const char *queue,
              const struct task_params *params, transport_done_fn done,
              void *ctx, struct err *err)
{
    struct task_message message = {0};
    bool good = task_encode(&message, params, err);

    if (good) {
        struct publish publish = {.exchange = "",
                                  .key = queue,
                                  .message = &message.message,
                                  .mandatory = true};
        transport_publish(transport, &publish, done, ctx);
    }
    task_message_release(&message);
    return good;
}

char *
producer_origin(void)
{
    char *name = alloc_printf("gen%d", (int)getpid());
    char *origin = names_node(name);

    free(name);
    return origin;
}
