/* When each request of an open loop is due. The schedule is a function of rate, kind and seed alone; threads take every n-th request
 * of it, so that the whole does not depend on how many there are. Times are in nanoseconds since its start. */
#ifndef RESTMARK_LOAD_PACE_SCHEDULE_H
#define RESTMARK_LOAD_PACE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct schedule {
        double gap_ns; /* mean time between two requests */
        bool poisson;
        uint64_t seed;
        uint64_t step;     /* of the requests, every which one is taken */
        uint64_t position; /* number of the request that is due next */
        double due_ns;     /* Poisson: the sum of the gaps so far */
};

/* The requests `first`, `first` + `step`, … of a schedule with `rate` requests a second. */
struct schedule schedule_begin(double rate, bool poisson, uint64_t seed, uint64_t first, uint64_t step);

/* When the next one is due. */
uint64_t schedule_due_ns(const struct schedule *s);

/* Goes on to the one after it. */
void schedule_advance(struct schedule *s);

#endif
