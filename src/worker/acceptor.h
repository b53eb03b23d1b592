/* The worker's listening sockets: which are watched, and how connections are taken from them. */
#ifndef RESTMARK_WORKER_ACCEPTOR_H
#define RESTMARK_WORKER_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shortage.h"
#include "http/server.h"
#include "rpc/server.h"
#include "shared/heritage.h"

enum {
        /* Connections that the master has passed and that have no room yet. It passes no more than this beyond those that it has seen
         * to be taken over. */
        ACCEPTOR_PASSED_MAX = 16,
};

struct acceptor {
        const int *listeners;
        size_t n;
        size_t n_rpc;             /* the last so many are for calls, which … */
        struct rpc_server *rpc;   /* … this one serves; NULL: there are none */
        int epoll;                /* the worker's; event data of listener i is base + i */
        uint64_t event_base;
        bool shared;              /* other workers take connections from these listeners too */
        bool local[RESTMARK_LISTEN_MAX], has_local; /* Unix sockets, which are always shared */
        bool open;                /* connections are wanted */
        bool watching;
        uint64_t paused_until_ms; /* after running out of descriptors; 0: not paused */
        struct shortage shortage;
        char where[sizeof "worker 4294967295"];
        size_t n_passed;
        int passed[ACCEPTOR_PASSED_MAX]; /* oldest first */
        bool passed_calls[ACCEPTOR_PASSED_MAX]; /* to the RPC port */
};

/* Watches nothing before acceptor_open(). What `heritage` has of listeners is borrowed, as is `rpc`. */
void acceptor_init(struct acceptor *a, const struct heritage *heritage, struct rpc_server *rpc, int epoll, uint64_t event_base);

/* From the next acceptor_balance() on connections are taken. */
void acceptor_open(struct acceptor *a);

/* Leaves what is in the queues, and all that comes, to others who have the same sockets. For good. */
void acceptor_retire(struct acceptor *a);

/* Takes what waits at listener `i`, a bounded number of connections, as long as the server has room. */
void acceptor_take(struct acceptor *a, size_t i, struct server *server, uint64_t now_ms);

/* The same for all listeners. */
void acceptor_take_all(struct acceptor *a, struct server *server, uint64_t now_ms);

/* Takes over a connection that the master has accepted and passed: now, or when the server has room. `calls`: it came to the RPC port. */
void acceptor_pass(struct acceptor *a, int fd, bool calls);

/* Gives the server what has been passed, as far as it has room. Returns how many connections that were. */
uint64_t acceptor_take_passed(struct acceptor *a, struct server *server, uint64_t now_ms);

/* Watches the listeners exactly when the server has room for more; to be called each turn. */
void acceptor_balance(struct acceptor *a, const struct server *server, uint64_t now_ms);

/* How long the loop may wait before the next acceptor_balance(), -1 for ever. */
int acceptor_wait_ms(const struct acceptor *a, uint64_t now_ms);

#endif
