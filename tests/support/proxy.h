/*
 * Stands between a client and a server on this machine, in a process of its
 * own, and does what networks do: cuts connections, lets them hang, refuses
 * new ones.
 */
#ifndef TESTS_SUPPORT_PROXY_H
#define TESTS_SUPPORT_PROXY_H

#include <sys/types.h>

struct proxy {
    pid_t pid;
    int port;     // where it listens
    int commands; // a socket
};

void proxy_start(struct proxy *proxy, int server_port);
void proxy_stop(struct proxy *proxy);

/* Each is done when it returns. */
void proxy_cut(struct proxy *proxy);    // all connections; takes new ones
void proxy_refuse(struct proxy *proxy); // ... and cuts new ones
void proxy_stall(struct proxy *proxy);  // nothing comes through, none is cut
void proxy_resume(struct proxy *proxy); // as in the beginning

#endif
