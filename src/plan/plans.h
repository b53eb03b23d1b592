/* All plans, in their fixed order, which is the loop without what it does outside: one happening after another becomes part of the facts, each plan
 * looks at it, and what the plans want becomes part of the facts, too, and is performed. The daemon and the simulation run this same loop. */
#ifndef RESTMARK_PLAN_PLANS_H
#define RESTMARK_PLAN_PLANS_H

#include "fleet/fleet.h"
#include "plan/bulletin.h"
#include "plan/health.h"
#include "plan/relay.h"
#include "plan/reload.h"
#include "plan/replace.h"
#include "plan/resize.h"
#include "plan/rotation.h"
#include "plan/slots.h"
#include "plan/upgrade.h"

struct plans {
        struct fleet fleet;
        struct happenings queue;
        struct slots slots;
        struct resize resize;
        struct replace replace;
        struct reload reload;
        struct health health;
        struct rotation rotation;
        struct relay relay;
        struct upgrade upgrade;
        struct bulletin bulletin;
        struct intents intents; /* of one plan, until they are performed */
};

/* The world outside. None of these calls a plan; what they find out they put into the queue. */
struct world {
        uint64_t (*now_ms)(void *context);
        void (*look)(void *context, enum fleet_needs needs);            /* at the workers' words */
        void (*perform)(void *context, const struct intent *intent);    /* also those that have changed the facts */
        void *context;
};

/* Acts upon all that waits in the queue. */
void plans_run(struct plans *plans, const struct world *world);

/* When the next of them waits for the time; 0: none does. */
uint64_t plans_wake_ms(const struct plans *plans);

#endif
