/*
 * Sends tasks to queues, as any client of Celery does. Does not wait for
 * results: these come to the queue that `reply_to` names, see result_codec.
 */
#ifndef CELERY_PRODUCER_H
#define CELERY_PRODUCER_H

#include "celery/task_codec.h"
#include "transport/transport.h"

/*
 * Sends a task to `queue` through the default exchange. `done` (may be NULL)
 * comes when the broker has it, or refused it, which is an error too where no
 * such queue is (AMQP); not from inside the call. False with err: it is too
 * long, and `done` does not come.
 */
bool producer_send(struct transport *transport, const char *queue,
                   const struct task_params *params, transport_done_fn done,
                   void *ctx, struct err *err);

/* "gen<pid>@<host>", what clients call themselves; to be freed. */
char *producer_origin(void);

#endif
