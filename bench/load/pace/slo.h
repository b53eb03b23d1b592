/* Which rate to try next when the highest one that holds a service level is looked for: doubles until one fails (or halves until one
 * holds), then bisects. Knows nothing of how a rate is tried. */
#ifndef RESTMARK_LOAD_PACE_SLO_H
#define RESTMARK_LOAD_PACE_SLO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* "p99=50ms": the share `quantile` of all requests is to be answered, rightly, within `limit_us`. */
struct slo {
        double quantile;
        uint64_t limit_us;
        char text[32]; /* as it was given */
};

/* Reads pQ=TIME: Q percent, above 0 and below 100; TIME as duration_parse() reads it, with its unit. Returns 0, or -EINVAL with a sentence. */
int slo_parse(const char *text, struct slo *ret, struct error *e);

struct slo_search {
        double held;   /* highest rate that did, 0: none yet */
        double failed; /* lowest rate that did not, 0: none yet */
        double next;   /* to try */
        unsigned int tries;
};

enum {
        SLO_TRIES_MAX = 40,
        SLO_RESOLUTION_PERCENT = 2, /* of the rate: the search ends when the two bounds are this close */
};

struct slo_search slo_begin(double start);

/* Takes the verdict on `next` and chooses another. Returns whether there is one to try. */
bool slo_take(struct slo_search *s, bool held);

#endif
