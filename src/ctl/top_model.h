/* What `top` shows, computed from two samples: rates, percentiles, the order of rows. Pure. */
#ifndef RESTMARK_CTL_TOP_MODEL_H
#define RESTMARK_CTL_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/sample.h"

/* Negative numbers are not known: the worker is new, or has answered nothing in between. */
struct top_rates {
        double requests_per_s, errors_per_s, aborted_per_s;
        double p50_ms, p99_ms; /* of what was answered between the samples */
        double cpu_percent;    /* of one CPU */
};

struct top_row {
        const struct sample_worker *worker; /* in the newer sample */
        struct top_rates rates;
        double age_s;
};

struct top_store {
        double asked_per_s, p99_ms, failures_per_s; /* negative: not known */
};

struct top_totals {
        struct top_rates rates; /* cpu_percent: of the master and all workers */
        uint64_t connections, restarts;
        uint64_t rss_bytes, pss_bytes; /* of the master and all workers … */
        bool has_memory;               /* … if all of them are known */
        unsigned int slots, ready;
        struct top_store stores[RESTMARK_STORE_COUNT];
        double calls_per_s; /* of the requests */
};

enum top_column {
        TOP_SLOT,
        TOP_STATE,
        TOP_PID,
        TOP_GENERATION,
        TOP_AGE,
        TOP_REQUESTS,
        TOP_P50,
        TOP_P99,
        TOP_CONNECTIONS,
        TOP_CPU,
        TOP_RSS,
        TOP_PSS,
        TOP_COLUMN_COUNT
};

struct top_frame {
        const struct sample *now;
        struct top_totals totals;
        size_t n_rows;
        struct top_row rows[];
};

/* `before` may be NULL, or of a daemon that is no more: rates are then not known. The frame borrows `now`. NULL without memory. */
struct top_frame *top_frame_new(const struct sample *before, const struct sample *now);

/* NULL-safe; returns NULL. */
struct top_frame *top_frame_free(struct top_frame *frame);

/* Orders the rows: slots, states, pids, generations and ages from the smallest, the other columns from the largest; `reverse` is the other
 * way round. Rows that are equal in this column are in the order of their slots, and what is not known comes last. */
void top_sort(struct top_frame *frame, enum top_column column, bool reverse);

#endif
