/* The worker's listening sockets: which are watched, and how connections are taken from them. */
#ifndef RESTMARK_WORKER_ACCEPTOR_H
#define RESTMARK_WORKER_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "http/server.h"

struct acceptor {
        const int *listeners;
        size_t n;
        int epoll;                /* the worker's; event data of listener i is base + i */
        uint64_t event_base;
        bool open;                /* connections are wanted */
        bool watching;
        uint64_t paused_until_ms; /* after running out of descriptors; 0: not paused */
};

/* Watches nothing before acceptor_open(). */
int acceptor_init(struct acceptor *a, int epoll, uint64_t event_base, const int *listeners, size_t n, struct error *e);

/* From the next acceptor_balance() on connections are taken. */
void acceptor_open(struct acceptor *a);

/* Leaves what is in the queues, and all that comes, to others who have the same sockets. For good. */
void acceptor_retire(struct acceptor *a);

/* Takes what waits at listener `i`, a bounded number of connections, as long as the server has room. */
void acceptor_take(struct acceptor *a, size_t i, struct server *server, uint64_t now_ms);

/* Watches the listeners exactly when the server has room for more; to be called each turn. */
void acceptor_balance(struct acceptor *a, const struct server *server, uint64_t now_ms);

/* How long the loop may wait before the next acceptor_balance(), -1 for ever. */
int acceptor_wait_ms(const struct acceptor *a, uint64_t now_ms);

#endif
