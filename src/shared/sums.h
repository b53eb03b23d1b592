/* Plain numbers, summed up over cells of the scoreboard. */
#ifndef RESTMARK_SHARED_SUMS_H
#define RESTMARK_SHARED_SUMS_H

#include <restmark/scoreboard.h>
#include <stdint.h>

#include "shared/histogram.h"

/* Zero-initialised it is empty. */
struct sums {
        uint64_t requests, errors_4xx, errors_5xx, aborted, bytes, busy_ns;
        struct histogram durations;
};

/* Adds a slot's route: its workers' and its dead workers' numbers. */
void sums_add_slot(struct sums *sums, const struct restmark_slot *slot, enum restmark_route route);

/* Adds one seat's worker alone, all its routes. */
void sums_add_worker(struct sums *sums, const struct restmark_worker_cell *worker);

/* A slot's numbers of all routes, and a route's of all slots. */
struct sums sums_of_slot(const struct restmark_slot *slot);
struct sums sums_of_route(const struct restmark_scoreboard *board, enum restmark_route route);

/* Connections that a slot has accepted, and those that its workers hold now. */
uint64_t sums_accepted(const struct restmark_slot *slot);
uint64_t sums_connections(const struct restmark_slot *slot);
uint64_t sums_waiting(const struct restmark_slot *slot);
uint64_t sums_request_bodies(const struct restmark_slot *slot); /* bytes */

uint64_t sums_rpc_calls(const struct restmark_slot *slot);
uint64_t sums_rpc_connections(const struct restmark_slot *slot);

/* Connections of all slots that have ended unanswered for this reason. */
uint64_t sums_closes(const struct restmark_scoreboard *board, enum restmark_close why);

/* Lines of the access log that workers of all slots could not write. */
uint64_t sums_lost_log_lines(const struct restmark_scoreboard *board);

#endif
