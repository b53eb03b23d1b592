/* When a worker asks: by its schedule, or as soon as it has an answer. */
#ifndef RESTMARK_LOAD_ENGINE_PACING_H
#define RESTMARK_LOAD_ENGINE_PACING_H

#include <stdint.h>

#include "engine/worker.h"

/* What a worker does next with a connection that has become free for requests; `now_ns` is when that was. */
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
