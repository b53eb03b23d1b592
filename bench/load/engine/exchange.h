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

/* Opens a connection; the worker's `on_free` is called at once or later. */
void exchange_open(struct worker *w, struct connection *c);

/* There is something to read, or room to write, or an end: epoll's `events`. */
void exchange_handle(struct worker *w, struct connection *c, uint32_t events);

/* Gives the requests that are under way on this connection up, the first for this reason, and opens it again. */
void exchange_fail(struct worker *w, struct connection *c, enum load_failure why);

/* Looks for requests and connections that take longer than the time-out. */
void exchange_sweep(struct worker *w);

#endif
