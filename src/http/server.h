/* The HTTP server of one worker: libmicrohttpd, driven from the worker's loop. It takes accepted sockets; the listeners are the
 * worker's. Single-threaded. */
#ifndef RESTMARK_HTTP_SERVER_H
#define RESTMARK_HTTP_SERVER_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "work/work.h"

struct stores_options; /* store/store.h */

struct server_limits {
        uint64_t max_connections;
        uint64_t idle_timeout_ms;    /* without a request line */
        uint64_t request_timeout_ms; /* from the request line to the end of the answer */
        uint64_t limit_post_bytes;   /* of bodies that are not wanted */
        uint64_t limit_body_bytes;   /* of those that are; all of them together have at most … */
        uint64_t body_memory_bytes;
        uint64_t max_header_bytes;
        /* … and which requests are logged: */
        uint64_t access_log_sample;
        uint64_t slow_request_ms; /* 0: none is slow */
        bool zero_copy; /* the dataset's JSON may be sent from its file */
        bool suspends; /* requests may wait for something else than their client … */
        bool waits;    /* … and GET /wait is there */
};

struct stores_options;

/* What a server is made of; all but the descriptor is borrowed and must live longer. */
struct server_parts {
        const struct server_limits *limits;
        struct work *work;
        const struct dataset *dataset;
        const struct stores_options *stores; /* with limits->suspends, if one is set */
        int epoll;                           /* the worker's set, which gets the stores' descriptors */
        struct restmark_worker_cell *cell;
        unsigned int worker; /* slot */
        int access_log_fd;   /* taken over; -1: none */
};

struct server;
struct request_log;
struct body_memory;

int server_new(const struct server_parts *parts, struct server **ret, struct error *e);

/* Closes all connections. NULL-safe; returns NULL. */
struct server *server_free(struct server *server);

/* From now on the dataset's JSON is sent from its file, where limits->zero_copy says that this may be; up to then it is copied. */
void server_send_from_file(const struct server *server);

/* Two descriptors that become readable when server_run() has work. */
void server_fds(const struct server *server, int ret[static 2]);

/* One that becomes readable when server_end_departed() has work, ending requests whose clients have left while they waited; -1: none ever does. */
int server_departures_fd(const struct server *server);
void server_end_departed(struct server *server);

/* Takes over an accepted, non-blocking socket; on failure it is closed. Its idle timeout begins at `now_ms`. */
void server_add(struct server *server, int fd, const struct sockaddr *peer, socklen_t peer_size, uint64_t now_ms);

/* The same for a connection of the master's own, which asks whether this worker does its work: it is not counted or logged. */
void server_add_private(struct server *server, int fd, uint64_t now_ms);

uint64_t server_connections(const struct server *server);

/* Whether there is no connection, nor one that has ended and whose client may still be taking the last answer. */
bool server_is_empty(const struct server *server);

/* Whether another connection may be added. */
bool server_has_room(const struct server *server);

/* The same, but idle connections count as room. */
bool server_can_have_room(const struct server *server);

/* A connection of another protocol on the same loop takes the place of one here, and gives it back. */
void server_lend_room(struct server *server);
void server_return_room(struct server *server);

/* The request log, in which such a connection's requests are written too; NULL without one. */
struct request_log *server_log(const struct server *server);

/* What all that clients send takes of memory, of which they have a part. */
struct body_memory *server_body_memory(struct server *server);

/* Closes the connection that has been idle longest if there is no room. Returns whether there is some now. */
bool server_make_room(struct server *server);

/* Serves what is ready, closes what has timed out. Never blocks. `now_ms` is monotonic. */
void server_run(struct server *server, uint64_t now_ms);

/* From now on the loop may wait by server_wait(), and watch descriptors, level-triggered and by numbers up to TURN_OWN_MAX, in the set that server_epoll() returns. Returns 0,
 * or a negative errno value with a sentence: then it has to wait for server_fds(). The server must have no connection yet. */
int server_join(struct server *server, struct error *e);
int server_epoll(const struct server *server);

/* Those for whom the loop waits besides the server. */
struct server_others {
        struct epoll_event *events; /* get theirs */
        int events_max;
        /* If there are some, before the server serves what came with them. It is called from within the library, which it must not let run: of the
         * server it may drain it, reopen its log, and lend or return room. */
        void (*before)(void *context, uint64_t now_ms);
        void *context;
};

/* Waits for what comes for the server, which it serves, or for others. A server_run() has to follow. *now_ms becomes the time after the wait, which is written to the cell
 * as a heartbeat. *ret_is_idle: nothing has come for anybody. Returns the number of the others' events or a negative errno value. */
int server_wait(struct server *server, const struct server_others *others, int timeout_ms, uint64_t *now_ms, bool *ret_is_idle);

/* How long the loop may wait before the next server_run(), -1 for ever. */
int server_wait_ms(const struct server *server, uint64_t now_ms);

/* From now on the access log is written to `fd`, which is taken over. */
void server_reopen_log(struct server *server, int fd);

/* From now on each answer closes its connection, and idle connections are closed after a moment. */
void server_drain(struct server *server, uint64_t now_ms);

#endif
