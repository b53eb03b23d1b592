/* When a worker has served long enough. Pure: no clock, no process. */
#ifndef RESTMARK_PLAN_RECYCLE_H
#define RESTMARK_PLAN_RECYCLE_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>

#include "fleet/policy.h"

enum {
        RECYCLE_REQUESTS_MS = 250, /* how often each kind is looked at */
        RECYCLE_LIFETIME_MS = 1000,
        RECYCLE_MEMORY_MS = 2000,
        /* A worker that is above its memory limit from its birth is not replaced more often than this. */
        RECYCLE_MEMORY_AGE_MS = 5000,
};

struct recycle_facts {
        uint64_t requests, age_ms;
        uint64_t rss_bytes, pss_bytes; /* 0: not known */
        uint64_t dice;                 /* the worker's own random number: its share of max-requests-delta */
};

/* Whether a worker is to be replaced, and why: *ret is one of the four causes. */
bool recycle_due(const struct policy *policy, const struct recycle_facts *facts, enum restmark_cause *ret);

/* Whether the workers' memory has to be known. */
bool recycle_needs_memory(const struct policy *policy);

/* How often to look. 0: never. */
uint64_t recycle_interval_ms(const struct policy *policy);

#endif
