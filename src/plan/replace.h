/* Replacing a slot's worker without a gap: a new one starts in the slot's other seat, with the current generation; when it is ready it is the
 * slot's own, and the old one leaves. Reloads, recycling and `drain` all go this way by a wish for the slot, one new worker at a time. Recycling
 * waits until no worker anywhere is beside another, the others only for their own slot's seat.
 *
 * A new worker that fails to start leaves everything as it was. Recycling is tried again later; a reload's tries as often as a slot does, then it
 * is stuck; for the others that was it. A drain is a wish with a ticket, which is answered when the old worker is gone. */
#ifndef RESTMARK_PLAN_REPLACE_H
#define RESTMARK_PLAN_REPLACE_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

enum {
        /* Between attempts to recycle a slot whose new worker fails to start; doubles with each. */
        REPLACE_RETRY_MIN_MS = 1000,
        REPLACE_RETRY_MAX_MS = 600000,
        /* A reload's wish that has failed stays open until the reload has heard of it, which is at once. */
        REPLACE_STUCK_MS = 3600000,
};

/* The old worker of a drained slot, which finishes. */
struct farewell {
        uint64_t ticket; /* 0: none */
        uint64_t asked_ms;
        pid_t pid;
};

struct replace {
        struct farewell farewells[RESTMARK_SLOTS_MAX];
        bool yielding; /* the new worker is killed, but not for its own fault */
};

void plan_replace(struct replace *replace, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

#endif
