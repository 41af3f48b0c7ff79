#include "tests/support/broker_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/now.h"
#include "util/path.h"

// RabbitMQ takes seconds, and more where others want the processor.
#define READY_MS 120000
#define OUTPUT_MAX (256UL * 1024)

_Noreturn static void
give_up(const struct broker_server *server, const char *why)
{
    fprintf(stderr, "# %s: %s\n%s\n",
            server->argv != NULL ? server->argv[0] : "server", why,
            server->log != NULL ? server->log : "");
    abort();
}

bool
broker_server_is_there(const char *program)
{
    char *paths = alloc_dup(getenv("PATH") != NULL ? getenv("PATH") : "");
    char *rest = paths;
    char *folder = NULL;
    bool found = false;

    while (!found && (folder = strsep(&rest, ":")) != NULL) {
        char *path = path_join(folder, program);
        found = access(path, X_OK) == 0;
        free(path);
    }
    free(paths);
    return found;
}

static bool
is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return bound;
}

int
broker_server_port(void)
{
    unsigned short number = 0;
    int port = 0;

    do {
        if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
            abort();
        }
        port = 15000 + number % 17000;
    } while (!is_free(port));
    return port;
}

void
broker_server_init(struct broker_server *server)
{
    struct err err = {0};

    *server = (struct broker_server){.output = -1};
    server->folder = path_make_private("mule-broker-", 80, &err);
    if (server->folder == NULL) {
        give_up(server, err.text);
    }
}

static void
copy_argv(struct broker_server *server, const char *const argv[])
{
    size_t count = 0;

    while (argv[count] != NULL) {
        count++;
    }
    server->argv = alloc_zero(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        server->argv[i] = alloc_dup(argv[i]);
    }
}

static void
become_server(const struct broker_server *server, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
        chdir(server->folder) == 0) {
        execvp(server->argv[0], server->argv);
    }
    _exit(127);
}

// Reads until the word was printed; the pipe stays open behind it.
static void
wait_ready(struct broker_server *server)
{
    msec end = now_msec() + READY_MS;
    size_t len = 0;

    free(server->log);
    server->log = alloc_zero(1, OUTPUT_MAX);
    while (strstr(server->log, server->ready) == NULL) {
        struct pollfd wait = {.fd = server->output, .events = POLLIN};
        msec left = end - now_msec();
        if (left <= 0 || poll(&wait, 1, (int)left) == 0) {
            give_up(server, "is not ready in time");
        }
        ssize_t count =
            read(server->output, server->log + len, OUTPUT_MAX - 1 - len);
        if (count <= 0) {
            give_up(server, "ended, or said too much");
        }
        len += (size_t)count;
    }
}

static void
launch(struct broker_server *server)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0) {
        give_up(server, "no pipe");
    }
    server->output = fds[0];
    server->pid = fork();
    if (server->pid == 0) {
        become_server(server, fds[1]);
    }
    close(fds[1]);
    wait_ready(server);
}

void
broker_server_start(struct broker_server *server, const char *const argv[],
                    const char *ready)
{
    copy_argv(server, argv);
    server->ready = alloc_dup(ready);
    launch(server);
}

void
broker_server_restart(struct broker_server *server)
{
    launch(server);
}

void
broker_server_end(struct broker_server *server, int signal)
{
    if (server->pid > 0) {
        kill(server->pid, signal);
        waitpid(server->pid, NULL, 0);
        close(server->output);
        server->pid = 0;
        server->output = -1;
    }
}

void
broker_server_stop(struct broker_server *server)
{
    struct err err = {0};

    broker_server_end(server, SIGKILL);
    path_remove_tree(server->folder, &err);
    for (size_t i = 0; server->argv != NULL && server->argv[i] != NULL; i++) {
        free(server->argv[i]);
    }
    free(server->argv);
    free(server->ready);
    free(server->log);
    free(server->folder);
    *server = (struct broker_server){.output = -1};
}

void
broker_server_start_redis(struct broker_server *server,
                          const char *const more[])
{
    const char *argv[64] = {"redis-server", "--save", "", "--appendonly", "no",
                            "--loglevel",   "notice"};
    char port[16];
    size_t count = 7;

    server->port = broker_server_port();
    (void)snprintf(port, sizeof(port), "%d", server->port);
    char *socket = path_join(server->folder, "redis.sock");
    const char *const own[] = {"--bind",       "127.0.0.1", "--port", port,
                               "--unixsocket", socket,      NULL};
    for (size_t i = 0; own[i] != NULL; i++) {
        argv[count++] = own[i];
    }
    for (size_t i = 0; more != NULL && more[i] != NULL && count < 63; i++) {
        argv[count++] = more[i];
    }
    broker_server_start(server, argv, "ready to accept connections");
    free(socket);
}
