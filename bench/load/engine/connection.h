/* One connection to the server: its socket, the requests that are under way on it, and the answer that is coming in. */
#ifndef RESTMARK_LOAD_ENGINE_CONNECTION_H
#define RESTMARK_LOAD_ENGINE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/address.h"
#include "wire/call.h"
#include "wire/response.h"

/* A request under way. */
struct flight {
        uint64_t since_ns; /* its latency counts from here */
        uint64_t sent_ns;   /* of a call's place: 0: it is free */
        uint32_t target;
};

enum connection_state { CONNECTION_CLOSED, CONNECTION_OPENING, CONNECTION_OPEN };

struct connection {
        int fd;
        uint32_t index, generation; /* what epoll reports; a report of an older generation is of a socket that is gone */
        enum connection_state state;
        bool wants_room;    /* the socket's buffer is full */
        uint32_t first, in_flight; /* of `flights` */
        uint64_t since_ns;  /* began to open, or has been free since */
        uint64_t due_ns;    /* when its time in a queue is over */
        uint64_t asked, answered; /* since it was opened */
        struct flight *flights; /* a ring of as many as may be pipelined; of calls the place of each, which is its id, and `first` one where to look for a free one */
        char *out;
        size_t out_length, out_sent;
        uint64_t body_offset;
        bool comparing, body_wrong;
        struct connection_queue *queue; /* that it is in */
        struct connection *before, *behind;
        struct response_parser parser; /* of calls `head` alone */
        struct answer_parser answer;
};

/* First in, first out; a connection is in one at most. */
struct connection_queue {
        struct connection *first, *last;
};
void connection_enqueue(struct connection_queue *q, struct connection *c);
struct connection *connection_dequeue(struct connection_queue *q); /* or NULL */
void connection_unqueue(struct connection *c);                     /* from whichever it is in */

/* Begins to connect a new socket. Returns 0 (connected), 1 (it goes on: wait for room to write) or a negative errno value. A Unix socket
 * is waited for, as the kernel has no connecting in the background for it. `*calls` counts system calls. */
int connection_open(struct connection *c, const struct address *a, uint64_t timeout_ns, uint64_t *calls);

/* What became of connecting: 0, or a negative errno value. */
int connection_opened(struct connection *c);

/* Sends what is in `out`. Returns 0 when all is sent, 1 when the socket takes no more for now, or a negative errno value. */
int connection_flush(struct connection *c, uint64_t *calls);

#endif
