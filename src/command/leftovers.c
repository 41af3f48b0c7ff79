#include "command/leftovers.h"

#include "util/path.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Whether somebody accepts connections there. */
static bool
is_listened_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return true; // cannot be asked: better left alone
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = fd < 0 ||
                 connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return there;
}

static bool
is_left_over(const char *path)
{
    struct stat status;
    char *socket = path_join(path, "socket");
    bool ours = lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
                status.st_uid == geteuid() && lstat(socket, &status) == 0 &&
                S_ISSOCK(status.st_mode) && !is_listened_to(socket);
    free(socket);
    return ours;
}

static void
find_in(const char *folder, struct texts *found)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, "mule-", 5) == 0) {
            char *path = path_join(folder, entry->d_name);
            if (is_left_over(path)) {
                texts_add(found, path);
            }
            free(path);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
}

void
leftovers_find(struct texts *found)
{
    const char *wanted = getenv("TMPDIR");
    find_in("/tmp", found);
    if (wanted != NULL && wanted[0] == '/' && strcmp(wanted, "/tmp") != 0) {
        find_in(wanted, found);
    }
}
