#include "loop/nursery.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/os.h"
#include "util/alloc.h"
#include "util/array.h"

// The length of the name in "NAME=value" or "NAME".
static size_t
name_length(const char *text)
{
    return strcspn(text, "=");
}

static bool
is_same_name(const char *a, const char *b, size_t len)
{
    return a[0] == b[0] && strncmp(a, b, len) == 0 && a[len] == '=';
}

static void
words_add(struct words *words, char *text)
{
    ARRAY_ADD(words, text);
}

static char *
words_take(struct words *words, size_t index)
{
    char *word = words->items[index];

    ARRAY_REMOVE(words, index);
    return word;
}

// Takes out every variable that has the name of `change`. Gives the last one,
// or NULL.
static char *
words_take_name(struct words *words, const char *change)
{
    size_t len = name_length(change);
    char *taken = NULL;

    for (size_t i = words->count; i > 0; i--) {
        if (is_same_name(words->items[i - 1], change, len)) {
            taken = words_take(words, i - 1);
        }
    }
    return taken;
}

// The text behind this one.
static const char *
next_text(const char *text)
{
    return text + strlen(text) + 1;
}

bool
nursery_init(struct nursery *nursery, const int terminal[static 3],
             int controlling)
{
    memcpy(nursery->terminal, terminal, sizeof(nursery->terminal));
    nursery->controlling = controlling;
    nursery->stack = os_stack_new();
    nursery->guardian = getpid();
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        free(words_take_name(&nursery->environment, *entry));
        words_add(&nursery->environment, alloc_dup(*entry));
    }
    return nursery->stack != NULL;
}

void
nursery_change(struct nursery *nursery, const struct frame_texts *changes)
{
    const char *text = changes->bytes.data;

    for (uint32_t i = 0; i < changes->count; i++) {
        free(words_take_name(&nursery->environment, text));
        if (strchr(text, '=') != NULL) {
            words_add(&nursery->environment, alloc_dup(text));
        }
        text = next_text(text);
    }
}

char *
nursery_unconst(const char *text)
{
    char *same;

    memcpy(&same, &text, sizeof(same));
    return same;
}

static void
make_argv(struct nursery *nursery, const struct frame_texts *words)
{
    const char *word = words->bytes.data;

    ARRAY_CLEAR(&nursery->argv);
    words_add(&nursery->argv, NULL); // room for the name of a shell
    for (uint32_t i = 0; i < words->count; i++) {
        words_add(&nursery->argv, nursery_unconst(word));
        word = next_text(word);
    }
    words_add(&nursery->argv, NULL);
}

static void
make_envp(struct nursery *nursery, const struct frame_texts *changes)
{
    const char *text = changes->bytes.data;

    ARRAY_CLEAR(&nursery->envp);
    for (size_t i = 0; i < nursery->environment.count; i++) {
        words_add(&nursery->envp, nursery->environment.items[i]);
    }
    for (uint32_t i = 0; i < changes->count; i++) {
        words_take_name(&nursery->envp, text);
        if (strchr(text, '=') != NULL) {
            words_add(&nursery->envp, nursery_unconst(text));
        }
        text = next_text(text);
    }
    words_add(&nursery->envp, NULL);
}

void
nursery_prepare(struct nursery *nursery, const struct frame_spawn *spawn)
{
    make_argv(nursery, &spawn->argv);
    make_envp(nursery, &spawn->env);
}
