/* What the files of the rpc room share. */
#ifndef RESTMARK_RPC_SERVER_INTERNAL_H
#define RESTMARK_RPC_SERVER_INTERNAL_H

#include <msgpack.h>

#include "gate/bodies.h"
#include "gate/linger.h"
#include "http/access_log.h"
#include "http/request_log.h"
#include "http/timers.h"
#include "rpc/method.h"
#include "rpc/answers.h"
#include "rpc/scan.h"
#include "rpc/server.h"

enum {
        RPC_IDLE_MIN_MS = 100,   /* before a connection may give way to another one */
        RPC_DRAIN_IDLE_MS = 1000, /* an idle connection lives this long into a drain, so that a call on its way is still answered */
        RPC_TEXT_MAX = 160,      /* bytes of a method and its parameters in a log */
};

/* One call. On the stack while it is answered at once; else in a list of its connection's. */
struct call {
        struct call *next, *previous;
        struct timer timer; /* runs while it waits */
        struct connection *connection;
        const struct method *method; /* NULL: there is none of its name */
        uint32_t id;
        bool has_id; /* else it is a notification, which nobody wants answered */
        uint64_t started_ns, busy_ns;
        struct work_params params;
        char *body; /* the parameter's, once the call outlives its message; of the server's `memory` */
        char path[METHOD_PATH_MAX];
        char text[RPC_TEXT_MAX]; /* for the log, if there is one */
};

/* Calls in the order in which they came. */
struct call_list {
        struct call *first, *last;
};

struct connection {
        struct rpc_server *server;
        struct connection *previous, *next;
        struct connection *next_dear;    /* in the ring of those with dear calls */
        struct connection *next_touched; /* among those that something has happened to in this turn */
        int fd;
        uint32_t events; /* that epoll watches for */
        bool has_ended;  /* the client sends no more */
        bool is_ending;  /* nothing more is read; what is under way is answered, and that was it */
        bool is_refused; /* nor is what was read looked at */
        bool is_closed;  /* to be freed at the end of the turn */
        bool has_answered, in_ring, is_touched;
        struct scan scan;
        char *part; /* what has come and is not used: a part of a message, or whole ones while the client takes no answers */
        size_t part_length, part_capacity;
        uint64_t part_since_ms; /* of the message that is not whole; 0: there is none */
        struct answers out;
        uint64_t out_mark, out_since_ms; /* these many bytes, of all ever, were to be sent then */
        struct call_list dear, waiting;
        unsigned int n_calls; /* in both */
        uint64_t idle_since_ms, deadline_ms;
        char *address; /* for the log; NULL without one */
};

struct rpc_server {
        struct rpc_parts parts;
        int epoll, timer, bell; /* the bell is readable as long as there are dear calls */
        bool rings;
        struct linger_set *linger;
        struct timers timers;
        msgpack_zone zone;
        char *input; /* RPC_READ_BYTES */
        struct connection *connections; /* all, in no order */
        struct connection *dear_first, *dear_last, *touched;
        uint64_t n_connections;
        struct body_memory *memory; /* of `part` and `body` of all, and of the HTTP server's bodies */
        uint64_t now_ms, next_deadline_ms, armed_ms;
        bool is_draining;
        bool has_closed; /* connections that are to be freed */
};

/* ---- connection.c ---- */

void connection_add(struct rpc_server *server, int fd, const struct sockaddr *peer);

/* Something has happened to it: before the turn ends it is looked at. */
void connection_touch(struct connection *c);

/* Ends it at once, to be freed at the end of the turn. RESTMARK_CLOSE_COUNT: for no reason that counts. */
void connection_close(struct connection *c, enum restmark_close why);

/* Nothing of a client is under way. */
bool connection_is_idle(const struct connection *c);

/* The ring of connections that have dear calls: each is in it once. */
void ring_add(struct rpc_server *server, struct connection *c);
void ring_remove(struct rpc_server *server, struct connection *c);

/* ---- call.c ---- */

/* A whole message: the call is answered, or becomes one of the connection's. Returns false if it is none that can be answered. */
bool call_take(struct connection *c, const char *bytes, size_t length);

/* Does the work of a call that was put off, or answers one whose time is over, and frees it. */
void call_finish(struct call *call);

/* The client is gone. */
void calls_abort(struct connection *c);

/* ---- stream.c ---- */

void stream_read(struct connection *c);

/* To be done with all that were touched: sends, goes on with what was not used, and sees what is next. */
void stream_settle(struct connection *c);

void stream_free(struct connection *c);

#endif
