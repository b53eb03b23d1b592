/* Upgrade: the program at the path of the start is tried out, and then executed in this process, which keeps its pid, its listening sockets, the
 * control socket, the scoreboard and the workers. The new program replaces the workers as a reload does. If it cannot, the old program is
 * executed again, and goes on with the same workers. */
#ifndef RESTMARK_PLAN_UPGRADE_H
#define RESTMARK_PLAN_UPGRADE_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

struct upgrade {
        const char *path;     /* of the program; the owner's */
        uint64_t wanted, number; /* the newest that was asked for; the one that is on its way or was last */
        bool is_trying;
        bool passed;          /* the trial; what is left is to wait until no worker is being replaced */
        bool is_leaving;      /* when nothing waits anywhere */
        bool has_predecessor; /* in the new program, until it has replaced the workers */
        char from[64];        /* the version of that */
};

void plan_upgrade(struct upgrade *upgrade, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

#endif
