/* The rotation: the slots that the kernel chooses from for new connections. In it are those whose worker is ready and responds; if there is no such
 * slot, all are. */
#ifndef RESTMARK_PLAN_ROTATION_H
#define RESTMARK_PLAN_ROTATION_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

struct rotation {
        bool is_refused;  /* the kernel takes no program */
        bool has_failed;  /* the last time; it is tried again at the next round, or change */
        size_t n;         /* of `slots` */
        unsigned int slots[RESTMARK_SLOTS_MAX]; /* that the kernel chooses from */
};

/* Puts the slots that are to be chosen from into `slots`. Returns how many there are. */
size_t rotation_choose(const struct fleet *fleet, unsigned int slots[static RESTMARK_SLOTS_MAX]);

void plan_rotation(struct rotation *rotation, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

#endif
