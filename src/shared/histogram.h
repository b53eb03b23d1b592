/* Durations of requests, as the scoreboard counts them: sums over cells, what came in between two looks, quantiles. */
#ifndef RESTMARK_SHARED_HISTOGRAM_H
#define RESTMARK_SHARED_HISTOGRAM_H

#include <restmark/scoreboard.h>
#include <stdint.h>

#include "shared/scoreboard.h"

/* Plain numbers; zero-initialised it is empty. */
struct histogram {
        uint64_t counts[RESTMARK_DURATION_BUCKETS]; /* of each bucket alone; OpenMetrics wants them added up */
        uint64_t sum_ns;
};

/* RESTMARK_DURATION_LIMITS_NS. */
extern const uint64_t histogram_limits_ns[RESTMARK_DURATION_LIMITS];

/* For the one writer of the cell. From the shortest limit up: what takes long to find took much longer to serve. */
static inline void histogram_record_in(_Atomic uint64_t *durations, _Atomic uint64_t *sum_ns, uint64_t duration_ns) {
        unsigned int i = 0;

        while (i < RESTMARK_DURATION_LIMITS && duration_ns > histogram_limits_ns[i])
                i++;
        cell_add(&durations[i], 1);
        cell_add(sum_ns, duration_ns);
}

static inline void histogram_record(struct restmark_route_cell *cell, uint64_t duration_ns) {
        histogram_record_in(cell->durations, &cell->duration_ns, duration_ns);
}

/* Adds what a cell holds. */
void histogram_add(struct histogram *h, const struct restmark_route_cell *cell);

/* Adds all that a slot has counted for a route: its workers' and its dead workers' numbers. */
void histogram_add_slot(struct histogram *h, const struct restmark_slot *slot, enum restmark_route route);

/* What came after `earlier`, which is an older state of the same cells. A worker that died in between may make one bucket appear to
 * shrink, as its numbers move while they are read: that counts as nothing. */
struct histogram histogram_since(const struct histogram *now, const struct histogram *earlier);

uint64_t histogram_count(const struct histogram *h);

/* The duration that the fraction `q` (0 … 1) of all requests did not exceed, in ns: linear inside its bucket, as Prometheus'
 * histogram_quantile() has it, so that both show the same number. In the last bucket, which has no upper limit, it is that
 * bucket's lower one. Negative for an empty histogram. */
double histogram_quantile_ns(const struct histogram *h, double q);

#endif
