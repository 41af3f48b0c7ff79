#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS_MAX 64

enum command {
    COMMAND_CUT = 'c',
    COMMAND_REFUSE = 'r',
    COMMAND_STALL = 's',
    COMMAND_RESUME = 'g',
};

// One connection: a socket on either side; -1: none.
struct pair {
    int ends[2];
};

struct middle {
    struct pair pairs[PAIRS_MAX];
    int listener;
    int commands;
    int server_port;
    bool refuses;
    bool stalls;
};

static struct sockaddr_in
address_of(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void
close_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        if (pair->ends[i] >= 0) {
            close(pair->ends[i]);
        }
        pair->ends[i] = -1;
    }
}

static void
cut(struct middle *middle)
{
    for (int i = 0; i < PAIRS_MAX; i++) {
        close_pair(&middle->pairs[i]);
    }
}

static void
accept_one(struct middle *middle)
{
    struct sockaddr_in address = address_of(middle->server_port);
    int on = 1;
    int client = accept(middle->listener, NULL, NULL);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pair *pair = middle->pairs;

    while (pair < middle->pairs + PAIRS_MAX && pair->ends[0] >= 0) {
        pair++;
    }
    if (middle->refuses || client < 0 || pair == middle->pairs + PAIRS_MAX ||
        connect(server, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(client);
        close(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    pair->ends[0] = client;
    pair->ends[1] = server;
}

static void
forward(struct pair *pair, int from)
{
    char bytes[65536];
    ssize_t count = read(pair->ends[from], bytes, sizeof(bytes));

    for (ssize_t sent = 0, part = 0; sent < count; sent += part) {
        part = send(pair->ends[1 - from], bytes + sent, (size_t)(count - sent),
                    MSG_NOSIGNAL);
        if (part <= 0) {
            count = -1;
        }
    }
    if (count <= 0) {
        close_pair(pair);
    }
}

static bool
obey(struct middle *middle)
{
    char command = 0;

    if (read(middle->commands, &command, 1) != 1) {
        return false;
    }
    middle->refuses = command == COMMAND_REFUSE;
    middle->stalls = command == COMMAND_STALL;
    if (command == COMMAND_CUT || command == COMMAND_REFUSE) {
        cut(middle);
    }
    return write(middle->commands, &command, 1) == 1;
}

static void
serve(struct middle *middle)
{
    struct pollfd waits[2 + 2 * PAIRS_MAX];

    for (;;) {
        waits[0] = (struct pollfd){.fd = middle->commands, .events = POLLIN};
        waits[1] = (struct pollfd){.fd = middle->listener, .events = POLLIN};
        for (int i = 0; i < 2 * PAIRS_MAX; i++) {
            int fd = middle->stalls ? -1 : middle->pairs[i / 2].ends[i % 2];
            waits[2 + i] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        if (poll(waits, 2 + 2 * PAIRS_MAX, -1) < 0) {
            continue;
        }
        for (int i = 0; i < 2 * PAIRS_MAX; i++) {
            if (waits[2 + i].revents != 0 &&
                middle->pairs[i / 2].ends[i % 2] == waits[2 + i].fd) {
                forward(&middle->pairs[i / 2], i % 2);
            }
        }
        if (waits[1].revents != 0) {
            accept_one(middle);
        }
        if (waits[0].revents != 0 && !obey(middle)) {
            _exit(0);
        }
    }
}

void
proxy_start(struct proxy *proxy, int server_port)
{
    struct middle middle = {.server_port = server_port};
    struct sockaddr_in address = address_of(0);
    socklen_t len = sizeof(address);
    int ends[2];

    memset(middle.pairs, -1, sizeof(middle.pairs));
    middle.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(middle.listener, (struct sockaddr *)&address, len) != 0 ||
        listen(middle.listener, PAIRS_MAX) != 0 ||
        getsockname(middle.listener, (struct sockaddr *)&address, &len) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        abort();
    }
    proxy->port = ntohs(address.sin_port);
    proxy->pid = fork();
    if (proxy->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        middle.commands = ends[1];
        serve(&middle);
    }
    close(ends[1]);
    close(middle.listener);
    proxy->commands = ends[0];
}

void
proxy_stop(struct proxy *proxy)
{
    close(proxy->commands);
    kill(proxy->pid, SIGKILL);
    waitpid(proxy->pid, NULL, 0);
}

static void
tell(struct proxy *proxy, enum command command)
{
    char byte = (char)command;

    if (write(proxy->commands, &byte, 1) != 1 ||
        read(proxy->commands, &byte, 1) != 1) {
        abort();
    }
}

void
proxy_cut(struct proxy *proxy)
{
    tell(proxy, COMMAND_CUT);
}

void
proxy_refuse(struct proxy *proxy)
{
    tell(proxy, COMMAND_REFUSE);
}

void
proxy_stall(struct proxy *proxy)
{
    tell(proxy, COMMAND_STALL);
}

void
proxy_resume(struct proxy *proxy)
{
    tell(proxy, COMMAND_RESUME);
}
