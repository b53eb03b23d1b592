/* Figures that follow from what was counted, and what is to be said against them. Pure. */
#ifndef RESTMARK_LOAD_VIEW_FIGURES_H
#define RESTMARK_LOAD_VIEW_FIGURES_H

#include <stdbool.h>

#include "engine/run.h"

enum { FIGURES_QUANTILES = 7, FIGURES_DOUBTS_MAX = 12, FIGURES_DOUBT_BYTES = 256 };

/* p50 … p99.99, with their names. */
struct figures_quantile {
        const char *name;
        double quantile;
};
extern const struct figures_quantile figures_quantiles[FIGURES_QUANTILES];

struct figures {
        double requests_per_s;       /* right answers while sending */
        double received_bytes_per_s;
        double cpu_us_per_request;   /* of this program's own */
        double busy;                 /* share of the time that its threads ran */
        double queued;               /* share of the time that they were ready, but did not run; negative: not known */
        double syscalls_per_request;
        double in_flight;            /* requests under way, on average: Little's law */
        bool late;                   /* requests were sent so late that latencies are not the server's alone */
        size_t n_doubts;
        char doubts[FIGURES_DOUBTS_MAX][FIGURES_DOUBT_BYTES];
};

struct figures figures_of(const struct load_plan *plan, const struct load_result *r);

/* Failed requests and troubles together. */
uint64_t figures_errors(const struct load_result *r);

/* The share of all requests that were due which was answered, rightly, within `limit_us`. */
double figures_share_within(const struct load_result *r, uint64_t limit_us);

#endif
