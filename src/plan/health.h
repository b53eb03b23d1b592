/* Watches over the workers, at least once a second: who responds and who tells the truth, harakiri, recycling, the watchdog of systemd. */
#ifndef RESTMARK_PLAN_HEALTH_H
#define RESTMARK_PLAN_HEALTH_H

#include "fleet/fleet.h"
#include "fleet/intent.h"
#include "plan/vital.h"

enum { HEALTH_DEAF_MS = 1000 }; /* how long a worker that has closed its link has to be dead */

struct health {
        struct vital vitals[RESTMARK_SLOTS_MAX][RESTMARK_SEATS];
        uint64_t interval_ms;
        uint64_t round_ms;    /* when the last one was; monotonic */
        uint64_t excused_ms;  /* until when standing still has been excused */
        uint64_t watchdog_ms; /* systemd's interval; 0: it has none */
        uint64_t fed_ms;      /* when that was last due, or later */
        bool complained;      /* about the quorum */
};

void plan_health(struct health *health, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

/* When it waits for the time; 0: it does not. */
uint64_t health_wake_ms(const struct health *health);

#endif
