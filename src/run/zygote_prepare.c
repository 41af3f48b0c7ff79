#include "run/zygote_internal.h"

#include "adapter/request_codec.h"

#include <stdio.h>

bool
zygote_is_of_preparing(enum adapter_kind kind)
{
    return kind == ADAPTER_PREPARING || kind == ADAPTER_PREPARED;
}

static void
finish_preparing(struct zygote *zygote)
{
    const struct zygote_params *params = &zygote->params;
    uint64_t now = (uint64_t)loop_now_us(params->loop);
    deadline_disarm(&zygote->deadline);
    zygote->state = ZYGOTE_READY;
    zygote->prepared = true;
    if (zygote->waits) {
        zygote->waits = false;
        zygote_ask_collection(zygote);
    }
    params->events->on_prepared(params->ctx, now - zygote->asked_us,
                                last_words_get(&zygote->said));
}

void
zygote_take_preparing(struct zygote *zygote,
                      const struct adapter_message *message)
{
    const struct zygote_params *params = &zygote->params;
    if (zygote->state != ZYGOTE_PREPARING) {
        if (zygote->state == ZYGOTE_READY) {
            zygote_breach_text(zygote, "it prepares without having been asked");
        }
    } else if (message->kind == ADAPTER_PREPARED) {
        finish_preparing(zygote);
    } else {
        params->events->on_preparing(params->ctx, message->preparing);
    }
}

void
zygote_take_unfit(struct zygote *zygote, const struct adapter_message *message)
{
    const struct zygote_params *params = &zygote->params;
    if (zygote->state == ZYGOTE_STOPPING) {
        return; // nobody wants to run them any more
    }
    if (zygote->state == ZYGOTE_PREPARING) {
        deadline_disarm(&zygote->deadline);
        zygote->state = ZYGOTE_READY;
    }
    zygote->unfit = true;
    params->events->on_unfit(params->ctx, &message->unfit);
}

/* It goes on with what it does until it is stopped, which is soon. */
void
zygote_give_up_preparing(struct zygote *zygote)
{
    const struct zygote_params *params = &zygote->params;
    char reason[160];
    snprintf(reason, sizeof(reason),
             "adapter \"%.60s\" was not prepared within %g s"
             " (--prepare-timeout)",
             params->command->name,
             params->settings->prepare_timeout_ms / 1000.0);
    struct adapter_unfit unfit = {
        .reason = slice_of(reason),
        .hint = SLICE("--prepare-timeout allows it more time"),
    };
    params->events->on_unfit(params->ctx, &unfit);
}

bool
zygote_prepare(struct zygote *zygote)
{
    const struct zygote_params *params = &zygote->params;
    if (zygote->prepared || (zygote->can & ADAPTER_CAN_PREPARE) == 0) {
        return true;
    }
    if (zygote->state != ZYGOTE_READY || zygote->unfit) {
        return false;
    }
    zygote->state = ZYGOTE_PREPARING;
    zygote->made = true;
    zygote->asked_us = (uint64_t)loop_now_us(params->loop);
    last_words_reset(&zygote->said);
    buf_reset(&zygote->line);
    request_add_prepare(&zygote->line);
    zygote_send(zygote, buf_slice(&zygote->line));
    if (params->settings->prepare_timeout_ms > 0) {
        deadline_arm(&zygote->deadline, params->settings->prepare_timeout_ms);
    }
    params->events->on_preparing(params->ctx, SLICE(""));
    return false;
}
