/* The second port of one worker: the workloads as methods of MessagePack-RPC, on its loop beside the HTTP server, whose limits, room for
 * connections and request log it shares. Single-threaded. docs/RPC.md says what clients may rely on.
 *
 * All that waits (sockets, timers, calls that are to be worked on) is behind one descriptor, so that a worker's loop has nothing to do for it
 * as long as nothing happens here. */
#ifndef RESTMARK_RPC_SERVER_H
#define RESTMARK_RPC_SERVER_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "http/server.h"

enum {
        RPC_CALLS_MAX = 128,       /* of a connection that are under way; those behind are not read */
        RPC_WAITING_MAX = 16384,   /* calls of a worker that wait */
        RPC_READ_BYTES = 16384,    /* of a connection in one turn: so many short calls take a millisecond */
        RPC_WORK_TURN_NS = 100000, /* for so long dear calls are begun before sockets are looked at again */
};

/* All is borrowed and must live longer. */
struct rpc_parts {
        const struct server_limits *limits;
        struct server *server; /* the HTTP server */
        struct work *work;
        const struct dataset *dataset;
        struct restmark_worker_cell *cell;
        unsigned int worker; /* slot */
};

struct rpc_server;

int rpc_server_new(const struct rpc_parts *parts, struct rpc_server **ret, struct error *e);

/* Closes all connections. NULL-safe; returns NULL. */
struct rpc_server *rpc_server_free(struct rpc_server *server);

/* Becomes readable when rpc_server_run() has work. */
int rpc_server_fd(const struct rpc_server *server);

/* Takes over an accepted, non-blocking socket; on failure it is closed. */
void rpc_server_add(struct rpc_server *server, int fd, const struct sockaddr *peer, uint64_t now_ms);

/* Closes the connection that has been idle longest, to have room for another one. Returns whether there was one. */
bool rpc_server_make_room(struct rpc_server *server, uint64_t now_ms);
bool rpc_server_can_make_room(const struct rpc_server *server, uint64_t now_ms);

/* Serves what is ready. Never blocks. `now_ms` is monotonic. */
void rpc_server_run(struct rpc_server *server, uint64_t now_ms);

/* From now on what has come is answered, and then each connection is ended; idle ones after a moment. */
void rpc_server_drain(struct rpc_server *server, uint64_t now_ms);

/* Whether there is no connection, nor one that has ended and whose client may still be taking the last answer. */
bool rpc_server_is_empty(const struct rpc_server *server);

#endif
