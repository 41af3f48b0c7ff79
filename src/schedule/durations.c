#include "schedule/durations.h"

#include <inttypes.h>
#include <stdlib.h>

#include "schedule/estimate.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"

struct durations {
    char *path;
    char *text; // a copy, in which the names lie
    char hash[SHA256_SIZE];
    ARRAY(uint64_t) us;
    struct map places; // name -> place in `us` + 1
};

static bool
refuse(const char *path, uint32_t line, struct err *err, const char *what,
       struct slice shown)
{
    return err_set(err, ERR_CONFIG, "%.180s:%" PRIu32 ": \"%.*s\" %s", path,
                   line, SLICE_ARG(slice_first(shown, 60)), what);
}

static void
note(struct durations *durations, struct slice name, double seconds)
{
    uint64_t us = (uint64_t)(seconds * 1e6 + 0.5);
    uintptr_t place = (uintptr_t)map_find(&durations->places, name);
    if (place > 0) {
        durations->us.items[place - 1] = us;
        return;
    }
    ARRAY_ADD(&durations->us, us);
    place = durations->us.count;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
    map_set(&durations->places, name, (void *)place);
}

static bool
read_line(struct durations *durations, struct slice line, uint32_t number,
          struct err *err)
{
    double most = (double)ESTIMATE_MOST_US / 1e6;
    double seconds = 0;
    struct slice name = line;
    struct slice word;
    if (!slice_word(&name, &word) || word.data[0] == '#') {
        return true;
    }
    if (!slice_to_double(word, 0, most, &seconds)) {
        return refuse(durations->path, number, err,
                      "is not a number of seconds from 0 to a year", word);
    }
    name = slice_trim(name);
    if (name.len == 0) {
        return refuse(durations->path, number, err,
                      "has no name of a job behind it", word);
    }
    note(durations, name, seconds);
    return true;
}

struct durations *
durations_parse(const char *path, struct slice text, struct err *err)
{
    struct durations *durations = ALLOC(struct durations);
    durations->path = alloc_dup(path);
    durations->text = alloc_dup_bytes(text.data, text.len);
    map_init(&durations->places, MAP_BORROWS_KEYS);
    sha256_of(text, durations->hash);
    struct slice rest = slice_make(durations->text, text.len);
    struct slice line;
    uint32_t number = 0;
    while (slice_split(&rest, '\n', &line)) {
        if (!read_line(durations, line, ++number, err)) {
            durations_free(durations);
            return NULL;
        }
    }
    return durations;
}

void
durations_free(struct durations *durations)
{
    if (durations == NULL) {
        return;
    }
    map_release(&durations->places);
    ARRAY_RELEASE(&durations->us);
    free(durations->text);
    free(durations->path);
    free(durations);
}

bool
durations_find(const struct durations *durations, struct slice name,
               uint64_t *us)
{
    uintptr_t place = (uintptr_t)map_find(&durations->places, name);
    if (place == 0) {
        return false;
    }
    *us = durations->us.items[place - 1];
    return true;
}

const char *
durations_hash(const struct durations *durations)
{
    return durations->hash;
}

const char *
durations_path(const struct durations *durations)
{
    return durations->path;
}
