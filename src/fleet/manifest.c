#include "fleet/manifest.h"

#include <string.h>

#include "util/buf.h"
#include "util/escape.h"

// Memory that an archive may make us use for its names.
#define BYTES_MAX (UINT64_C(512) * 1024 * 1024)
#define PART_MAX 255UL

// Values of the map: what has been seen under a name.
static char folder_seen;
static char other_seen;

void
manifest_release(struct manifest *manifest)
{
    map_release(&manifest->names);
    manifest->bytes = 0;
}

static bool
refuse(const struct tar_entry *entry, const char *why, struct err *err)
{
    struct buf shown = BUF_INIT(8UL * TAR_NAME_MAX);

    escape_terminal(&shown, entry->name, ESCAPE_ONE_LINE);
    err_set(err, ERR_PROTOCOL, "\"%.*s\" %s",
            SLICE_ARG(slice_first(buf_slice(&shown), 150)), why);
    buf_release(&shown);
    return false;
}

// What is wrong with a name, or NULL.
static const char *
judge_name(struct slice name)
{
    struct slice rest = name;
    struct slice part;

    if (name.len == 0) {
        return "has no name";
    }
    if (name.len > TAR_NAME_MAX || slice_has(name, '\0')) {
        return "cannot be the name of a file";
    }
    if (name.data[0] == '/') {
        return "is an absolute path";
    }
    while (slice_split(&rest, '/', &part)) {
        if (slice_equals_text(part, "..")) {
            return "leads out of the tree by \"..\"";
        }
        if (part.len == 0 || slice_equals_text(part, ".")) {
            return "has a part that says nothing";
        }
        if (part.len == 4 && strncasecmp(part.data, ".git", 4) == 0) {
            return "belongs to git, and is no part of a tree";
        }
        if (part.len > PART_MAX) {
            return "has a part that is too long for a file";
        }
    }
    return NULL;
}

// ".." only counts at the beginning of a target: then it is applied to folders
// that are no links, as nothing lies below a link. What follows has none, so
// that whatever links it goes through, each stays inside by the same rule.
bool
manifest_link_is_inside(struct slice name, struct slice target)
{
    struct slice part;
    size_t depth = 0;
    bool named = false; // a part that is not ".." was seen

    if (target.len == 0 || target.data[0] == '/' || target.len > TAR_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        depth += name.data[i] == '/';
    }
    while (slice_split(&target, '/', &part)) {
        bool up = slice_equals_text(part, "..");
        if (up && (named || depth == 0)) {
            return false;
        }
        depth -= up;
        named |= !up && part.len > 0 && !slice_equals_text(part, ".");
    }
    return true;
}

static const char *
judge_kind(const struct tar_entry *entry)
{
    if (entry->kind == TAR_OTHER) {
        return entry->type == '1' ? "is a hard link"
                                  : "is no file, folder or symbolic link";
    }
    if ((entry->mode & 07000) != 0) {
        return "has a setuid, setgid or sticky bit";
    }
    if (entry->kind != TAR_FILE && entry->size != 0) {
        return "has data, but is no file";
    }
    if (entry->kind == TAR_LINK &&
        !manifest_link_is_inside(entry->name, entry->target)) {
        return "is a link that leads out of the tree";
    }
    return NULL;
}

static bool
note(struct manifest *manifest, struct slice name, char *what)
{
    manifest->bytes += name.len + 64;
    if (manifest->bytes > BYTES_MAX) {
        return false;
    }
    map_set(&manifest->names, name, what);
    return true;
}

// Every folder the entry lies in is one, or becomes one.
static const char *
note_parents(struct manifest *manifest, struct slice name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] != '/') {
            continue;
        }
        struct slice parent = slice_first(name, i - 1);
        const char *seen = map_find(&manifest->names, parent);
        if (seen == &folder_seen) {
            return NULL; // and so are those above
        }
        if (seen != NULL) {
            return "lies below a file or a link";
        }
        if (!note(manifest, parent, &folder_seen)) {
            return "is one name too many";
        }
    }
    return NULL;
}

bool
manifest_add(struct manifest *manifest, const struct tar_entry *entry,
             struct err *err)
{
    struct slice name = entry->name;

    if (entry->kind == TAR_FOLDER && slice_ends_with(name, SLICE("/"))) {
        name.len--;
    }
    const char *wrong = judge_name(name);
    if (wrong == NULL) {
        wrong = judge_kind(entry);
    }
    if (wrong == NULL) {
        wrong = note_parents(manifest, name);
    }
    if (wrong != NULL) {
        return refuse(entry, wrong, err);
    }
    const char *seen = map_find(&manifest->names, name);
    if (seen == &folder_seen && entry->kind == TAR_FOLDER) {
        return true;
    }
    if (seen != NULL) {
        return refuse(entry, "is there twice", err);
    }
    return note(manifest, name,
                entry->kind == TAR_FOLDER ? &folder_seen : &other_seen) ||
           refuse(entry, "is one name too many", err);
}
