/* Which rate to try next when the highest one that holds a service level is looked for: doubles until one fails (or halves until one
 * holds), then bisects. Knows nothing of how a rate is tried. */
#ifndef RESTMARK_LOAD_PACE_SLO_H
#define RESTMARK_LOAD_PACE_SLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* "p99=50ms": the share `quantile` of all requests is to be answered, rightly, within `limit_us`. */
struct slo {
        double quantile;
        uint64_t limit_us;
        char text[32]; /* as it was given */
};

enum { SLO_LEVELS_MAX = 8 };

/* Levels that all have to hold. */
struct slo_set {
        size_t n;
        struct slo at[SLO_LEVELS_MAX];
};

/* Adds the levels of `text`, pQ=TIME with commas between them, to `to`: Q percent, above 0 and below 100, once each; TIME as duration_parse()
 * reads it, with its unit. Returns 0, or a negative errno value with a sentence. */
int slo_parse(const char *text, struct slo_set *to, struct error *e);

/* The levels with commas between them. Returns `memory`. */
enum { SLO_TEXT_BYTES = SLO_LEVELS_MAX * 33 };
const char *slo_text(const struct slo_set *set, char memory[SLO_TEXT_BYTES]);

/* What became of the levels at one rate: a bit for each that did not hold. `shares[i]` is of the requests that were answered, rightly, within
 * the limit of level i. */
unsigned int slo_judge(const struct slo_set *set, const double shares[SLO_LEVELS_MAX]);

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
