#include "transport/resolver.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "util/alloc.h"

// What the thread and the loop share. Whoever leaves last frees it.
struct question {
    pthread_mutex_t mutex;
    char *host;
    char port[16];
    uv_async_t *answered; // NULL: nobody waits any more
    bool over;            // the thread has left
    int result;
    struct addrinfo *addresses;
};

struct resolver {
    uv_async_t async;
    struct question *question;
    resolver_fn fn;
    void *ctx;
};

static void
question_free(struct question *question)
{
    if (question->addresses != NULL) {
        freeaddrinfo(question->addresses);
    }
    pthread_mutex_destroy(&question->mutex);
    free(question->host);
    free(question);
}

static void *
ask(void *ctx)
{
    static const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_family = AF_UNSPEC,
        .ai_flags = AI_ADDRCONFIG,
    };
    struct question *question = ctx;
    struct addrinfo *addresses = NULL;
    int result =
        getaddrinfo(question->host, question->port, &hints, &addresses);

    pthread_mutex_lock(&question->mutex);
    question->over = true;
    question->result = result;
    question->addresses = result == 0 ? addresses : NULL;
    bool wanted = question->answered != NULL;
    if (wanted) {
        uv_async_send(question->answered);
    }
    pthread_mutex_unlock(&question->mutex);
    if (!wanted) {
        question_free(question);
    }
    return NULL;
}

static void
on_async_closed(uv_handle_t *handle)
{
    free(handle->data);
}

// The thread may still be at it; then it frees the question.
static void
leave(struct resolver *resolver)
{
    struct question *question = resolver->question;

    pthread_mutex_lock(&question->mutex);
    question->answered = NULL;
    bool over = question->over;
    pthread_mutex_unlock(&question->mutex);
    if (over) {
        question_free(question);
    }
    uv_close((uv_handle_t *)&resolver->async, on_async_closed);
}

static void
on_answered(uv_async_t *async)
{
    struct resolver *resolver = async->data;
    struct question *question = resolver->question;
    resolver_fn fn = resolver->fn;

    pthread_mutex_lock(&question->mutex);
    struct addrinfo *addresses = question->addresses;
    int result = question->result;
    question->addresses = NULL;
    pthread_mutex_unlock(&question->mutex);
    leave(resolver);
    fn(resolver->ctx, addresses,
       addresses == NULL ? gai_strerror(result) : NULL);
}

// Signals are for the main thread.
static int
start_thread(struct question *question)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int result = pthread_create(&thread, &attributes, ask, question);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

struct resolver *
resolver_start(struct loop *loop, const char *host, int port, resolver_fn fn,
               void *ctx)
{
    struct resolver *resolver = ALLOC(struct resolver);
    struct question *question = ALLOC(struct question);

    resolver->fn = fn;
    resolver->ctx = ctx;
    resolver->question = question;
    question->host = alloc_dup(host);
    (void)snprintf(question->port, sizeof(question->port), "%d", port);
    pthread_mutex_init(&question->mutex, NULL);
    uv_async_init(loop_uv(loop), &resolver->async, on_answered);
    resolver->async.data = resolver;
    question->answered = &resolver->async;
    if (start_thread(question) != 0) {
        question->over = true;
        question->result = EAI_AGAIN;
        uv_async_send(&resolver->async);
    }
    return resolver;
}

void
resolver_drop(struct resolver *resolver)
{
    if (resolver != NULL) {
        leave(resolver);
    }
}
