#include "config/options.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/units.h"
#include "model/settings.h"
#include "util/alloc.h"
#include "util/distance.h"
#include "util/slice.h"

static void
set_int(const struct option *option, void *target, int64_t number)
{
    // int and uint32_t are of one size, and no value here is negative.
    static_assert(sizeof(int) == sizeof(uint32_t), "fields of options");
    int value = (int)number;

    memcpy((char *)target + option->field, &value, sizeof(value));
}

static struct texts *
texts_of(const struct option *option, void *target)
{
    return (struct texts *)(void *)((char *)target + option->field);
}

static bool
set_number(const struct option *option, void *target, const char *value,
           struct err *err)
{
    int64_t number = 0;

    if (!slice_to_int(slice_of(value), option->min, option->max, &number)) {
        return err_set(err, ERR_USAGE,
                       "\"%.60s\" is not a number between %" PRId64
                       " and %" PRId64,
                       value, option->min, option->max);
    }
    set_int(option, target, number);
    return true;
}

// Options that set two fields.
static bool
set_failures(const struct option *option, void *target, const char *value,
             struct err *err)
{
    struct settings *settings = target;
    struct slice number = slice_of(value);
    bool wait = slice_ends_with(number, SLICE(":wait"));

    if (wait) {
        number = slice_first(number, number.len - strlen(":wait"));
    }
    char *digits = slice_dup(number);
    bool fine = set_number(option, target, digits, err);
    free(digits);
    if (fine) {
        settings->max_fail_wait = wait;
    }
    return fine;
}

// A number of tests, or a share of them.
static bool
set_budget(const struct option *option, void *target, const char *value,
           struct err *err)
{
    struct settings *settings = target;
    struct slice text = slice_of(value);
    struct slice whole;
    struct slice part = {0};
    int64_t percent = 0;
    int64_t hundredths = 0;

    if (!slice_ends_with(text, SLICE("%"))) {
        settings->retry_share = 0;
        return set_number(option, target, value, err);
    }
    text = slice_first(text, text.len - 1);
    whole = slice_first(text, slice_find(text, '.'));
    part = slice_skip(text, whole.len + 1);
    bool fine =
        slice_to_int(whole, 0, 100, &percent) && part.len <= 2 &&
        (whole.len == text.len || slice_to_int(part, 0, 99, &hundredths));
    int64_t share = percent * 100 + hundredths * (part.len == 1 ? 10 : 1);
    if (!fine || share == 0 || share > 10000) {
        return err_set(err, ERR_USAGE,
                       "\"%.60s\" is not a share between 0.01%% and 100%%",
                       value);
    }
    settings->retry_share = (uint32_t)share;
    settings->retry_budget = RETRY_BUDGET_NONE;
    return true;
}

static bool
is_digits(const char *value)
{
    return value[0] != '\0' && value[strspn(value, "0123456789")] == '\0';
}

static bool
set_shuffle(const struct option *option, struct settings *settings,
            const char *value, struct err *err)
{
    uint64_t seed = 0;
    (void)option;
    if (value != NULL && (!is_digits(value) ||
                          !slice_to_uint(slice_of(value), UINT64_MAX, &seed))) {
        return err_set(err, ERR_USAGE,
                       "\"%.60s\" is not a number from 0 to 2^64 - 1", value);
    }
    free(settings->seed);
    settings->seed = value != NULL ? alloc_printf("%" PRIu64, seed) : NULL;
    settings->order = ORDER_RANDOM;
    return true;
}

static bool
set_shard(const struct option *option, struct settings *settings,
          const char *value, struct err *err)
{
    struct slice rest = slice_of(value);
    struct slice part;
    int64_t shard = 0;
    int64_t shards = 0;
    bool fine = slice_split(&rest, '/', &part) &&
                slice_to_int(rest, 1, option->max, &shards) &&
                slice_to_int(part, 1, shards, &shard);
    if (!fine) {
        return err_set(err, ERR_USAGE,
                       "\"%.60s\" is not K/N, as in 2/5, with numbers up to "
                       "%" PRId64,
                       value, option->max);
    }
    settings->shard = (uint32_t)shard;
    settings->shards = (uint32_t)shards;
    return true;
}

// What other programs ask for as --durations N is a number there, too.
static bool
set_slowest(const struct option *option, struct settings *settings,
            const char *value, struct err *err)
{
    if (value[0] == '\0') {
        return err_set(err, ERR_USAGE, "its value is empty");
    }
    if (is_digits(value)) {
        return set_number(option, settings, value, err);
    }
    free(settings->durations_file);
    settings->durations_file = alloc_dup(value);
    return true;
}

static bool
set_choice(const struct option *option, void *target, const char *value,
           struct err *err)
{
    struct buf names = BUF_INIT(120);
    const struct option_choice *choice = option->choices;

    for (; choice->name != NULL; choice++) {
        if (strcmp(choice->name, value) == 0) {
            buf_release(&names);
            set_int(option, target, choice->value);
            return true;
        }
        const char *between = choice[1].name != NULL ? ", " : " or ";
        buf_addf(&names, "%s%s", names.len > 0 ? between : "", choice->name);
    }
    err_set(err, ERR_USAGE, "\"%.60s\" is not one of %s", value,
            buf_text(&names));
    buf_release(&names);
    return false;
}

static bool
set_text(const struct option *option, void *target, const char *value,
         struct err *err)
{
    char *copy = NULL;
    char *old = NULL;
    char *field = (char *)target + option->field;

    if (value[0] == '\0' && (option->flags & OPTION_OPTIONAL) == 0) {
        return err_set(err, ERR_USAGE, "its value is empty");
    }
    copy = alloc_dup(value);
    memcpy(&old, field, sizeof(old));
    free(old);
    memcpy(field, &copy, sizeof(copy));
    return true;
}

static bool
add_list(struct texts *texts, const char *value, struct err *err)
{
    struct slice rest = slice_of(value);
    struct slice part;
    int before = texts->count;

    while (slice_split(&rest, ',', &part)) {
        part = slice_trim(part);
        if (part.len > 0) {
            char *text = slice_dup(part);
            texts_add(texts, text);
            free(text);
        }
    }
    if (texts->count == before) {
        return err_set(err, ERR_USAGE, "its value is empty");
    }
    return true;
}

// Takes one word as a POSIX shell reads it, without any expansion. False when
// a quote is never closed.
static bool
take_word(struct slice *rest, struct buf *word)
{
    char quote = '\0';
    size_t i = 0;

    for (; i < rest->len; i++) {
        char c = rest->data[i];
        if (quote == '\0' && (c == ' ' || c == '\t' || c == '\n')) {
            break;
        }
        if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'' && i + 1 < rest->len) {
            buf_add_char(word, rest->data[++i]);
        } else {
            buf_add_char(word, c);
        }
    }
    *rest = slice_skip(*rest, i);
    return quote == '\0';
}

static bool
add_words(struct texts *texts, const char *value, struct err *err)
{
    struct slice rest = slice_trim(slice_of(value));
    struct buf word = BUF_INIT(rest.len + 1);
    bool ok = true;

    while (ok && rest.len > 0) {
        buf_reset(&word);
        ok = take_word(&rest, &word);
        texts_add(texts, buf_text(&word));
        rest = slice_trim(rest);
    }
    buf_release(&word);
    if (!ok) {
        return err_set(err, ERR_USAGE, "a quote is never closed");
    }
    return true;
}

static void
set_more(const struct option *option, void *target)
{
    int value = 0;

    memcpy(&value, (char *)target + option->field, sizeof(value));
    if (value < option->max) {
        set_int(option, target, value + 1);
    }
}

bool
option_set(const struct option *option, void *target, const char *value,
           struct err *err)
{
    void *field = (char *)target + option->field;

    switch (option->kind) {
    case OPTION_NOTHING:
    case OPTION_HELP:
        return true;
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_CONSTANT:
        set_int(option, target, option->min);
        return true;
    case OPTION_MORE:
        set_more(option, target);
        return true;
    case OPTION_NUMBER:
        return set_number(option, target, value, err);
    case OPTION_FAILURES:
        return set_failures(option, target, value, err);
    case OPTION_BUDGET:
        return set_budget(option, target, value, err);
    case OPTION_CHOICE:
        // Left out, it is its first choice.
        return set_choice(option, target,
                          value != NULL ? value : option->choices[0].name, err);
    case OPTION_SWITCH:
        set_int(option, target, 1);
        return true;
    case OPTION_SHUFFLE:
        return set_shuffle(option, target, value, err);
    case OPTION_SHARD:
        return set_shard(option, target, value, err);
    case OPTION_SLOWEST:
        return set_slowest(option, target, value, err);
    case OPTION_DURATION:
        return units_duration(slice_of(value), field, err);
    case OPTION_SIZE:
        return units_size(slice_of(value), field, err);
    case OPTION_TEXT:
        return set_text(option, target, value != NULL ? value : "", err);
    case OPTION_TEXTS:
        texts_add(field, value);
        return true;
    case OPTION_LIST:
        return add_list(field, value, err);
    case OPTION_WORDS:
        return add_words(field, value, err);
    }
    return true;
}

static void
drop_text(const struct option *option, void *target)
{
    char *old = NULL;
    char *field = (char *)target + option->field;

    memcpy(&old, field, sizeof(old));
    free(old);
    old = NULL;
    memcpy(field, &old, sizeof(old));
}

void
option_unset(const struct option *option, void *target)
{
    int value = 0;

    if (option->kind == OPTION_FLAG) {
        *(bool *)(void *)((char *)target + option->field) = false;
    } else if (option->kind == OPTION_SWITCH) {
        set_int(option, target, 0);
    } else if (option->kind == OPTION_CONSTANT) {
        memcpy(&value, (char *)target + option->field, sizeof(value));
        set_int(option, target, value == option->min ? 0 : value);
    } else if (option->kind == OPTION_TEXT) {
        drop_text(option, target);
    }
}

void
option_forget(const struct option *option, void *target)
{
    if (option->kind == OPTION_TEXTS || option->kind == OPTION_LIST ||
        option->kind == OPTION_WORDS) {
        texts_release(texts_of(option, target));
    }
}
