/* Requests out, answers in: what a worker does on one connection. */
#ifndef RESTMARK_LOAD_ENGINE_EXCHANGE_H
#define RESTMARK_LOAD_ENGINE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/worker.h"

/* Puts request number `k` of the run into the connection's buffer; its latency counts from `since_ns`. */
void exchange_ask(struct worker *w, struct connection *c, uint64_t k, uint64_t since_ns);

/* Sends the buffer. The connection may have been closed when this returns. */
void exchange_flush(struct worker *w, struct connection *c);

/* Opens a connection; the worker's connection_is_open() comes at once or later. */
void exchange_open(struct worker *w, struct connection *c);

/* There is something to read, or room to write, or an end: epoll's `events`. */
void exchange_handle(struct worker *w, struct connection *c, uint32_t events);

/* Gives the requests that are under way on this connection up, the first for this reason, and opens it again. */
void exchange_fail(struct worker *w, struct connection *c, enum load_failure why);

/* Looks for requests and connections that take longer than the time-out. */
void exchange_sweep(struct worker *w);

/* What a worker does next with a connection that has become free for requests: see pacing.c. `now_ns` is when that was. */
void pacing_connection_is_free(struct worker *w, struct connection *c, uint64_t now_ns);

/* Begins to send, on all connections. */
void pacing_start(struct worker *w);

/* Does what is due: requests of the schedule, ends of thinking, connections to open again. */
void pacing_turn(struct worker *w);

/* When pacing_turn() has something to do next; UINT64_MAX: not known. */
uint64_t pacing_due_ns(const struct worker *w);

/* Sending ends now, or has ended at `stop_ns`. */
void pacing_stop(struct worker *w, uint64_t stop_ns);

/* Behind the last answer, so that none waits for it: what was due before the end and was not sent counts with the time it waited until then. */
void pacing_count_unsent(struct worker *w);

#endif
