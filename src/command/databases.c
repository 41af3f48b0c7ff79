#include "command/databases.h"

#include "adapter/database_record.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/escape.h"
#include "util/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Names that one line tells; the others are counted.
#define DATABASES_NAMED 5
#define DATABASES_TEXT_MAX ((size_t)64 * 1024)

struct search {
    databases_fn *fn;
    int told;
    char *folder;
    char host[256];
    char boot[64];
};

enum owner {
    OWNER_LIVES,
    OWNER_DEAD,
    OWNER_ELSEWHERE, // nobody here knows
};

// ------------------------------------------------------------ the machine

/* The folder that a variable names, or NULL: it says nothing. */
static const char *
named_by(const char *variable, bool absolute)
{
    const char *value = getenv(variable);
    bool says =
        value != NULL && value[0] != '\0' && (!absolute || value[0] == '/');
    return says ? value : NULL;
}

static char *
find_folder(void)
{
    const char *state = named_by("MULE_STATE", false);
    const char *home = named_by("XDG_STATE_HOME", true);
    if (state != NULL) {
        return path_join(state, "databases");
    }
    if (home != NULL) {
        return path_join(home, "mule/databases");
    }
    home = named_by("HOME", false);
    return path_join(home != NULL ? home : "/", ".local/state/mule/databases");
}

static void
learn_machine(struct search *search)
{
    gethostname(search->host, sizeof(search->host) - 1);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t got = read(fd, search->boot, sizeof(search->boot) - 1);
        search->boot[got > 0 ? got : 0] = '\0';
        search->boot[strcspn(search->boot, "\n")] = '\0';
        close(fd);
    }
}

// ------------------------------------------------------------- one record

static bool
is_locked(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static enum owner
owner_of(const struct search *search, const struct database_record *record,
         int fd)
{
    bool same_boot =
        search->boot[0] != '\0' && strcmp(record->boot, search->boot) == 0;
    bool same_host = strcmp(record->host, search->host) == 0;
    if (!same_boot && !same_host) {
        return OWNER_ELSEWHERE;
    }
    return is_locked(fd) ? OWNER_LIVES : OWNER_DEAD;
}

static void
tell(struct search *search, const struct buf *text, const char *hint)
{
    struct buf safe = BUF_INIT(4 * DATABASES_TEXT_MAX);
    escape_terminal(&safe, buf_slice(text), ESCAPE_ONE_LINE);
    search->told++;
    search->fn(buf_text(&safe), hint);
    buf_release(&safe);
}

/* All that the record has on the server of its database `first`. */
static void
tell_server(struct search *search, const struct database_record *record,
            size_t first, enum owner owner)
{
    const char *server = record->left.items[first].server;
    struct buf text = BUF_INIT(DATABASES_TEXT_MAX);
    size_t count = 0;
    buf_addf(&text, "build %.80s", record->build);
    buf_addf(&text,
             owner == OWNER_DEAD ? " died and left on %.200s:"
                                 : " has on %.200s:",
             server);
    for (size_t i = first; i < record->left.count; i++) {
        const struct database_left *left = &record->left.items[i];
        if (strcmp(left->server, server) == 0 && ++count <= DATABASES_NAMED) {
            buf_addf(&text, "%s %.1000s", count > 1 ? "," : "", left->name);
        }
    }
    if (count > DATABASES_NAMED) {
        buf_addf(&text, " and %zu more", count - DATABASES_NAMED);
    }
    if (owner == OWNER_ELSEWHERE) {
        buf_addf(&text, "; it ran on %.200s", record->host);
    }
    tell(search, &text,
         owner == OWNER_DEAD
             ? "the next `manage.py mule` with that server in its settings "
               "drops them; or drop them by hand, and remove the record"
             : "only that machine can tell whether it still runs: run "
               "`mule doctor` there");
    buf_release(&text);
}

static bool
is_first_of_server(const struct database_record *record, size_t place)
{
    for (size_t i = 0; i < place; i++) {
        if (strcmp(record->left.items[i].server,
                   record->left.items[place].server) == 0) {
            return false;
        }
    }
    return true;
}

static bool
read_record(int fd, struct buf *text, struct err *err)
{
    struct stat about;
    size_t room = 0;
    ssize_t got = 0;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return err_set(err, ERR_SYSTEM, "it is no file");
    }
    do {
        char *place = buf_room(text, 16384, &room);
        got = room > 0 ? read(fd, place, room) : 0;
        if (got > 0) {
            buf_grew(text, (size_t)got);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0 || err_set_errno(err, ERR_SYSTEM, errno, "read it");
}

static void
tell_unreadable(struct search *search, const char *path, const struct err *err)
{
    struct buf text = BUF_INIT(DATABASES_TEXT_MAX);
    buf_addf(&text, "%.1000s cannot be read: %s", path, err->text);
    tell(search, &text, "a newer mule may know what it says");
    buf_release(&text);
}

static void
look_at(struct search *search, const char *path)
{
    struct err err = {0};
    struct database_record record = {0};
    struct buf text = BUF_INIT(DATABASE_RECORD_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno != ENOENT) { // it may have been dropped just now
            err_set_errno(&err, ERR_SYSTEM, errno, "open it");
            tell_unreadable(search, path, &err);
        }
        return;
    }
    if (!read_record(fd, &text, &err) ||
        !database_record_parse(&record, buf_slice(&text), &err)) {
        tell_unreadable(search, path, &err);
    } else {
        enum owner owner = owner_of(search, &record, fd);
        for (size_t i = 0; owner != OWNER_LIVES && i < record.left.count; i++) {
            if (is_first_of_server(&record, i)) {
                tell_server(search, &record, i, owner);
            }
        }
    }
    close(fd);
    database_record_release(&record);
    buf_release(&text);
}

static int
is_record(const struct dirent *entry)
{
    return slice_ends_with(slice_of(entry->d_name), SLICE(".jsonl"));
}

int
databases_find(databases_fn *fn)
{
    struct search search = {.fn = fn, .folder = find_folder()};
    struct dirent **entries = NULL;
    learn_machine(&search);
    int count = scandir(search.folder, &entries, is_record, alphasort);
    for (int i = 0; i < count; i++) {
        char *path = path_join(search.folder, entries[i]->d_name);
        look_at(&search, path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    free(search.folder);
    return search.told;
}
