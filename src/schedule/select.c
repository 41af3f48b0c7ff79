#include "schedule/select.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/distance.h"
#include "util/glob.h"
#include "util/slice.h"

enum {
    ID_MAX = 1 << 24,
    NEAREST_MAX = 1 << 16
};

// One word of a choice.
struct needle {
    struct slice text;
    struct slice literal; // what stands before the first star and its like
    char *below;          // the pattern for all below it: "text.*"
    bool is_pattern;
    bool has_slash;
    bool fitted; // it fits something
};

struct needles {
    struct needle *at;
    int count;
};

// What is known of an item.
struct subject {
    struct slice id;
    struct slice class;  // its id without the method
    struct slice simple; // the class without its package and module
    struct slice file;
    bool unknown; // a module that was not loaded; its name is in place of ids
};

bool
select_has_pattern(const struct texts *labels)
{
    for (int i = 0; i < labels->count; i++) {
        if (glob_is_pattern(slice_of(labels->at[i]))) {
            return true;
        }
    }
    return false;
}

static struct slice
literal_start(struct slice pattern)
{
    size_t len = 0;

    while (len < pattern.len && strchr("*?[", pattern.data[len]) == NULL) {
        len++;
    }
    return slice_first(pattern, len);
}

// "./tests/" is "tests".
static struct slice
plain_path(struct slice path)
{
    while (slice_take(&path, SLICE("./"))) {
    }
    while (path.len > 1 && slice_ends_with(path, SLICE("/"))) {
        path.len--;
    }
    return path;
}

static struct needles
make_needles(const struct texts *texts)
{
    struct needles needles = {NULL, 0};

    if (texts == NULL || texts->count == 0) {
        return needles;
    }
    needles.at = alloc_zero((size_t)texts->count, sizeof(*needles.at));
    needles.count = texts->count;
    for (int i = 0; i < texts->count; i++) {
        struct needle *needle = &needles.at[i];
        struct slice text = slice_of(texts->at[i]);
        needle->has_slash = slice_has(text, '/');
        needle->text = needle->has_slash ? plain_path(text) : text;
        needle->is_pattern = glob_is_pattern(text);
        needle->literal = literal_start(needle->text);
        needle->below = alloc_printf("%.*s.*", SLICE_ARG(needle->text));
    }
    return needles;
}

// `-k` without a star: the same with a star at both ends.
static struct needles
make_parts(const struct texts *texts)
{
    struct needles needles = make_needles(texts);

    for (int i = 0; i < needles.count; i++) {
        struct needle *needle = &needles.at[i];
        struct slice text = slice_of(texts->at[i]);
        needle->text = text;
        free(needle->below);
        needle->below = NULL;
        if (!slice_has(text, '*') && needle->is_pattern) {
            needle->below = alloc_printf("*%.*s*", SLICE_ARG(text));
            needle->text = slice_of(needle->below);
        }
        needle->literal = literal_start(needle->text);
    }
    return needles;
}

static void
release_needles(struct needles *needles)
{
    for (int i = 0; i < needles->count; i++) {
        free(needles->at[i].below);
    }
    free(needles->at);
}

static bool
is_at_or_below(struct slice name, struct slice top, char separator)
{
    return slice_take(&name, top) &&
           (name.len == 0 || name.data[0] == separator);
}

static bool
fits_pattern(const struct needle *needle, struct slice name)
{
    return slice_starts_with(name, needle->literal) &&
           glob_match(needle->text, name);
}

// Whether a pattern may fit something below a name: whether it does once it
// is cut behind some letter of it.
static bool
may_fit_below(const struct needle *needle, struct slice name)
{
    bool may = false;
    char *below = alloc_printf("%.*s.", SLICE_ARG(name));

    for (size_t len = 1; !may && len <= needle->text.len; len++) {
        may = glob_match(slice_first(needle->text, len), slice_of(below));
    }
    free(below);
    return may;
}

// What a module holds that could not be loaded nobody knows. It is taken
// wherever something in it may be meant: unittest does so with -k.
static bool
may_be_meant(const struct needle *needle, const struct subject *subject)
{
    if (needle->is_pattern) {
        return may_fit_below(needle, subject->id);
    }
    return is_at_or_below(needle->text, subject->id, '.');
}

static bool
fits_part(const struct needle *needle, const struct subject *subject)
{
    if (needle->is_pattern) {
        return fits_pattern(needle, subject->id);
    }
    return needle->text.len == 0 ||
           memmem(subject->id.data, subject->id.len, needle->text.data,
                  needle->text.len) != NULL;
}

static bool
fits_label(const struct needle *needle, const struct subject *subject)
{
    if (subject->unknown && may_be_meant(needle, subject)) {
        return true;
    }
    if (needle->is_pattern) {
        return fits_pattern(needle, subject->id) ||
               slice_equals(needle->text, subject->id) ||
               (slice_starts_with(subject->id, needle->literal) &&
                glob_match(slice_of(needle->below), subject->id)) ||
               (needle->has_slash && fits_pattern(needle, subject->file));
    }
    return is_at_or_below(subject->id, needle->text, '.') ||
           is_at_or_below(subject->file, needle->text, '/') ||
           slice_equals_text(needle->text, ".");
}

static bool
fits_class(const struct needle *needle, const struct subject *subject)
{
    struct slice class = subject->class;

    if (fits_label(needle, subject)) {
        return true;
    }
    if (needle->is_pattern) {
        return fits_pattern(needle, subject->simple);
    }
    return slice_ends_with(class, needle->text) &&
           class.len > needle->text.len &&
           class.data[class.len - needle->text.len - 1] == '.';
}

// Not all of an unknown module is excluded with a part of it.
static bool
is_excluded(const struct needle *needle, const struct subject *subject)
{
    struct subject known = *subject;

    known.unknown = false;
    return fits_class(needle, &known);
}

typedef bool (*fits_fn)(const struct needle *needle,
                        const struct subject *subject);

// Whether one of the needles fits. All are tried that have not fitted yet,
// since each has to be known to fit something.
static bool
any_fits(struct needles *needles, fits_fn fits, const struct subject *subject)
{
    bool any = false;

    for (int i = 0; i < needles->count; i++) {
        struct needle *needle = &needles->at[i];
        if ((!any || !needle->fitted) && fits(needle, subject)) {
            needle->fitted = true;
            any = true;
        }
    }
    return any;
}

static struct slice
before_last(struct slice text, char separator)
{
    size_t len = text.len;

    while (len > 0 && text.data[len - 1] != separator) {
        len--;
    }
    return slice_first(text, len > 0 ? len - 1 : 0);
}

static struct slice
after_last(struct slice text, char separator)
{
    struct slice before = before_last(text, separator);

    return before.len > 0 ? slice_skip(text, before.len + 1) : text;
}

// The parts of `subject` that follow from its id.
static void
complete_subject(struct subject *subject, enum job_kind kind,
                 struct slice job_name)
{
    if (kind == JOB_IMPORT) {
        subject->unknown = true;
        subject->id = job_name;
    }
    if (kind == JOB_COMMAND) {
        subject->class = job_name;
        subject->simple = after_last(job_name, '/');
        return;
    }
    subject->class =
        kind == JOB_CLASS ? job_name : before_last(subject->id, '.');
    subject->simple = after_last(subject->class, '.');
}

struct sieve {
    struct needles labels;
    struct needles parts;
    struct needles include;
    struct needles exclude;
};

static bool
passes(struct sieve *sieve, const struct subject *subject)
{
    // Each is asked, so that each learns whether its words fit anything.
    bool labelled = any_fits(&sieve->labels, fits_label, subject);
    bool named =
        any_fits(&sieve->parts, fits_part, subject) || subject->unknown;
    bool included =
        any_fits(&sieve->include, fits_class, subject) || subject->unknown;

    return (labelled || sieve->labels.count == 0) &&
           (named || sieve->parts.count == 0) &&
           (included || sieve->include.count == 0) &&
           !any_fits(&sieve->exclude, is_excluded, subject);
}

// The new flags go to a place of their own first: a label that fits nothing
// must leave everything as it was.
static void
sift(const struct items *items, struct sieve *sieve, unsigned char *chosen)
{
    struct buf id = BUF_INIT(ID_MAX);
    uint32_t count = items_count(items);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t job = items_peek(items, i)->job;
        struct subject subject = {.file = slice_of(items_job_file(items, job))};
        buf_reset(&id);
        items_plain_id(items, i, &id);
        subject.id = buf_slice(&id);
        complete_subject(&subject,
                         (enum job_kind)items_peek_job(items, job)->kind,
                         slice_of(items_job_name(items, job)));
        chosen[i] = passes(sieve, &subject);
    }
    buf_release(&id);
}

static const struct needle *
find_in_vain(const struct needles *needles)
{
    for (int i = 0; i < needles->count; i++) {
        if (!needles->at[i].fitted) {
            return &needles->at[i];
        }
    }
    return NULL;
}

static bool
label_fits_nothing(const struct items *items, const char *label,
                   struct err *err)
{
    struct buf nearest = BUF_INIT(NEAREST_MAX);

    select_nearest(items, label, &nearest);
    if (nearest.len > 0) {
        err_set(err, ERR_USAGE,
                "nothing matches \"%.90s\"; did you mean "
                "\"%.90s\"?",
                label, buf_text(&nearest));
    } else {
        err_set(err, ERR_USAGE, "nothing matches \"%.90s\"", label);
        err_hint(err, "mule list shows what there is");
    }
    buf_release(&nearest);
    return false;
}

static void
apply(struct items *items, const unsigned char *chosen,
      struct selected *selected)
{
    uint32_t count = items_count(items);
    uint32_t last_job = JOB_NONE;

    for (uint32_t i = 0; i < count; i++) {
        struct item *item = items_get(items, i);
        item->flags &= (uint8_t)~ITEM_SELECTED;
        if (!chosen[i]) {
            selected->excluded++;
            continue;
        }
        item->flags |= ITEM_SELECTED;
        selected->items++;
        selected->jobs += item->job != last_job;
        last_job = item->job;
    }
}

bool
select_items(struct items *items, const struct selection *selection,
             struct selected *selected, struct err *err)
{
    struct sieve sieve = {
        .labels = make_needles(selection->labels),
        .parts = make_parts(selection->patterns),
        .include = make_needles(selection->include),
        .exclude = make_needles(selection->exclude),
    };
    unsigned char *chosen = alloc_zero(items_count(items), 1);

    *selected = (struct selected){0};
    sift(items, &sieve, chosen);
    const struct needle *vain = find_in_vain(&sieve.labels);
    if (vain != NULL) {
        label_fits_nothing(items, selection->labels->at[vain - sieve.labels.at],
                           err);
    } else {
        apply(items, chosen, selected);
        vain = find_in_vain(&sieve.parts);
        if (vain != NULL) {
            selected->in_vain = selection->patterns->at[vain - sieve.parts.at];
        } else if ((vain = find_in_vain(&sieve.include)) != NULL) {
            selected->in_vain = selection->include->at[vain - sieve.include.at];
        }
    }
    free(chosen);
    release_needles(&sieve.labels);
    release_needles(&sieve.parts);
    release_needles(&sieve.include);
    release_needles(&sieve.exclude);
    return !err_is_set(err);
}

// --- the nearest name

// So many ids are compared; names of jobs and modules are always.
enum {
    IDS_COMPARED = 20000
};

struct search {
    struct distance_nearest nearest;
    struct buf *best;
};

static void
offer(struct search *search, struct slice name)
{
    size_t distance = search->nearest.distance;
    bool is_first = search->nearest.offered == 0;

    distance_offer(&search->nearest, name);
    if (is_first || search->nearest.distance < distance) {
        buf_reset(search->best);
        buf_add_slice(search->best, name);
        search->nearest.best = buf_slice(search->best);
    }
}

// A dotted name, all that it is below of, and its last part.
static void
offer_all(struct search *search, struct slice name, struct slice *before)
{
    struct slice last = after_last(name, '.');

    for (struct slice part = name; part.len > 0;
         part = before_last(part, '.')) {
        if (is_at_or_below(*before, part, '.')) {
            break; // the job before had this one, and all above it
        }
        offer(search, part);
    }
    if (last.len < name.len) {
        offer(search, last);
    }
    *before = name;
}

void
select_nearest(const struct items *items, const char *label,
               struct buf *nearest)
{
    struct slice wanted = slice_of(label);
    struct search search = {.best = nearest};
    struct slice before = {NULL, 0};
    struct buf id = BUF_INIT(ID_MAX);
    uint32_t jobs = items_job_count(items);
    uint32_t count = items_count(items);

    // The stars of a pattern are not meant to be letters.
    while (slice_take(&wanted, SLICE("*"))) {
    }
    while (slice_ends_with(wanted, SLICE("*"))) {
        wanted.len--;
    }
    search.nearest.wanted = wanted;
    for (uint32_t i = 0; i < jobs; i++) {
        offer_all(&search, slice_of(items_job_name(items, i)), &before);
        if (slice_has(wanted, '/')) {
            offer(&search, slice_of(items_job_file(items, i)));
        }
    }
    for (uint32_t i = 0; i < count && i < IDS_COMPARED; i++) {
        buf_reset(&id);
        items_plain_id(items, i, &id);
        offer(&search, buf_slice(&id));
    }
    if (distance_best(&search.nearest).len == 0) {
        buf_reset(nearest);
    }
    buf_release(&id);
}
