#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

// Somebody may have started us with a standard stream closed. What is opened
// next must not get its number, or our words would end up in a socket.
static bool
open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        // open() gives the lowest number that is free, which is this one.
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

int
main(int argc, char **argv)
{
    if (!open_standard_streams()) {
        return EXIT_BROKEN;
    }
    return command_main(argc, argv);
}
