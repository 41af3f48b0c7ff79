#include "command/scope.h"

#include "config/command_line.h"
#include "util/compose.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// More of them are as good as all there is.
#define SCOPE_TEXTS_MAX 1000

/* The members, as they are called in JSON. */
struct scope_member {
    const char *name;
    const char *option; // that sets it; NULL: labels
    size_t in_scope;
    size_t in_settings;
    bool leaves_out; // less of it is more tests
};

#define MEMBER(member) \
    offsetof(struct scope, member), offsetof(struct settings, member)
static const struct scope_member members[] = {
    {"labels", NULL, MEMBER(labels), false},
    {"k", "k", MEMBER(patterns), false},
    {"include", "include", MEMBER(include), false},
    {"exclude", "exclude", MEMBER(exclude), true},
    {"tag", "tag", MEMBER(tags), false},
    {"exclude_tag", "exclude-tag", MEMBER(exclude_tags), true},
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static struct texts *
in_scope(struct scope *scope, size_t i)
{
    return (struct texts *)(void *)((char *)scope + members[i].in_scope);
}

static const struct texts *
peek(const struct scope *scope, size_t i)
{
    return (const struct texts *)(const void *)((const char *)scope +
                                                members[i].in_scope);
}

static struct texts *
in_settings(struct settings *settings, size_t i)
{
    return (struct texts *)(void *)((char *)settings + members[i].in_settings);
}

static void
copy(struct texts *to, const struct texts *from)
{
    for (int i = 0; i < from->count; i++) {
        texts_add(to, from->at[i]);
    }
}

static bool
has(const struct texts *texts, const char *text)
{
    for (int i = 0; i < texts->count; i++) {
        if (strcmp(texts->at[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_named(const struct command_line *line, const char *option)
{
    for (size_t i = 0; i < line->use_count; i++) {
        if (strcmp(line->uses[i].option->name, option) == 0) {
            return true;
        }
    }
    return false;
}

void
scope_of(struct scope *scope, const struct settings *settings, int argc,
         char **argv)
{
    struct command_line line = {0};
    struct err err = {0};
    *scope = (struct scope){0};
    // They were read before, so that nothing can be wrong with them.
    command_line_read(&line, COMMAND_TEST, argc, argv, &err);
    scope->programs = settings->labels.count > 0 &&
                      (settings->tap || (settings->runner != NULL &&
                                         settings->jobs_from != NULL));
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        bool wanted = members[i].option != NULL
                          ? is_named(&line, members[i].option)
                          : !scope->programs;
        if (wanted) {
            const char *from = (const char *)settings + members[i].in_settings;
            copy(in_scope(scope, i), (const struct texts *)(const void *)from);
        }
    }
    command_line_release(&line);
}

void
scope_release(struct scope *scope)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        texts_release(in_scope(scope, i));
    }
    *scope = (struct scope){0};
}

bool
scope_is_all(const struct scope *scope)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (peek(scope, i)->count > 0) {
            return false;
        }
    }
    return !scope->programs;
}

bool
scope_equals(const struct scope *a, const struct scope *b)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct texts *first = peek(a, i);
        const struct texts *second = peek(b, i);
        if (first->count != second->count) {
            return false;
        }
        for (int k = 0; k < first->count; k++) {
            if (strcmp(first->at[k], second->at[k]) != 0) {
                return false;
            }
        }
    }
    return a->programs == b->programs;
}

/* A package or a folder stands for what is in it. */
static bool
is_below(const char *text, const char *above)
{
    size_t len = strlen(above);
    return strncmp(text, above, len) == 0 &&
           (text[len] == '\0' || text[len] == '.' || text[len] == '/');
}

static void
add_unless_covered(struct texts *kept, const struct texts *from,
                   const struct texts *by)
{
    for (int i = 0; i < from->count; i++) {
        bool covered = has(kept, from->at[i]);
        for (int k = 0; k < by->count && !covered; k++) {
            covered = strcmp(from->at[i], by->at[k]) != 0 &&
                      is_below(from->at[i], by->at[k]);
        }
        if (!covered) {
            texts_add(kept, from->at[i]);
        }
    }
}

/* They are alternatives; none of them is all there is. */
static void
unite(struct texts *texts, const struct texts *other)
{
    struct texts kept = {0};
    if (texts->count > 0 && other->count > 0) {
        add_unless_covered(&kept, texts, other);
        add_unless_covered(&kept, other, texts);
    }
    texts_release(texts);
    if (kept.count <= SCOPE_TEXTS_MAX) {
        *texts = kept;
    } else {
        texts_release(&kept);
    }
}

/* Only what both leave out is left out. */
static void
intersect(struct texts *texts, const struct texts *other)
{
    struct texts kept = {0};
    for (int i = 0; i < texts->count; i++) {
        if (has(other, texts->at[i])) {
            texts_add(&kept, texts->at[i]);
        }
    }
    texts_release(texts);
    *texts = kept;
}

void
scope_join(struct scope *scope, const struct scope *other)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (members[i].leaves_out) {
            intersect(in_scope(scope, i), peek(other, i));
        } else {
            unite(in_scope(scope, i), peek(other, i));
        }
    }
    scope->programs = scope->programs || other->programs;
}

void
scope_write(const struct scope *scope, struct buf *buf)
{
    buf_add_char(buf, '{');
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct texts *texts = peek(scope, i);
        if (texts->count == 0) {
            continue;
        }
        compose_list(buf, members[i].name);
        for (int k = 0; k < texts->count; k++) {
            compose_element(buf, slice_of(texts->at[k]));
        }
        buf_add_char(buf, ']');
    }
    compose_some_bool(buf, "programs", scope->programs);
    buf_add_char(buf, '}');
}

void
scope_read(struct scope *scope, const char *text)
{
    *scope = (struct scope){0};
    json_t *root = json_loads(text, 0, NULL);
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const json_t *list = json_object_get(root, members[i].name);
        size_t count = json_array_size(list);
        for (size_t k = 0; k < count && k < SCOPE_TEXTS_MAX; k++) {
            const char *word = json_string_value(json_array_get(list, k));
            if (word != NULL && word[0] != '\0') {
                texts_add(in_scope(scope, i), word);
            }
        }
    }
    scope->programs = json_is_true(json_object_get(root, "programs"));
    json_decref(root);
}

void
scope_widen(struct slice kept, const struct scope *own, bool rerun,
            struct buf *buf)
{
    struct scope joint;
    char *text = slice_dup(kept);
    scope_read(&joint, text);
    if (!rerun) {
        scope_join(&joint, own);
    }
    scope_write(&joint, buf);
    scope_release(&joint);
    free(text);
}

void
scope_apply(const struct scope *scope, struct settings *settings)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (peek(scope, i)->count > 0) {
            texts_release(in_settings(settings, i));
            copy(in_settings(settings, i), peek(scope, i));
        }
    }
}
