/*
 * A real broker for tests: a server's program started in a private folder, on
 * a free port of this machine, and ended with everything it left. Ends what it
 * started when the test dies, too.
 */
#ifndef TESTS_SUPPORT_BROKER_SERVER_H
#define TESTS_SUPPORT_BROKER_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct broker_server {
    char *folder; // for its files, and the test's
    char *log;    // what it printed
    char **argv;
    char *ready; // the word in its output that says that it listens
    pid_t pid;   // 0: it does not run
    int port;
    int output;
};

/* Whether a program is there at all; if not, a test exits with 77. */
bool broker_server_is_there(const char *program);

/* A port nobody listens on, below those that the system gives to clients: one
 * that looks for a stopped server there would be connected to itself. */
int broker_server_port(void);

/* Makes the folder. To be stopped. */
void broker_server_init(struct broker_server *server);

/*
 * Starts `argv`, ended by NULL, which is copied, and waits until `ready` was
 * printed. Ends the test where that does not happen.
 */
void broker_server_start(struct broker_server *server, const char *const argv[],
                         const char *ready);
/* The same program again, once it has ended. */
void broker_server_restart(struct broker_server *server);
/* Ends it and waits for that. It may be started again. */
void broker_server_end(struct broker_server *server, int signal);
/* Ends it and removes the folder. */
void broker_server_stop(struct broker_server *server);

/* redis-server on a port and on the socket FOLDER/redis.sock, with options
 * more, ended by NULL: "--requirepass", "x". */
void broker_server_start_redis(struct broker_server *server,
                               const char *const more[]);

#endif
