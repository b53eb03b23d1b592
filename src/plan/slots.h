/* What follows from the states of slots: processes are started, told and killed, the daemon serves, and ends when nothing serves and nothing will,
 * or when it was told to and all workers have. */
#ifndef RESTMARK_PLAN_SLOTS_H
#define RESTMARK_PLAN_SLOTS_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

struct slots {
        uint64_t stop_ticket; /* 0: nobody waits */
        bool ended;
};

void plan_slots(struct slots *slots, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

#endif
