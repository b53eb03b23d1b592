/* The number of workers while the daemon runs, without a reset connection. Growing opens the sockets of new slots, which join the rotation when
 * their workers are ready; if one does not start, the new slots are given up. Shrinking takes the highest slots out of the rotation, lets their
 * workers finish and others serve their queues, and closes their sockets when no handshake can be on its way to them. */
#ifndef RESTMARK_PLAN_RESIZE_H
#define RESTMARK_PLAN_RESIZE_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

enum {
        /* A slot's sockets stay open this long after it has left the rotation: the last handshakes end in its queue, even when the first
         * answer to one gets lost and is sent again, a second later. */
        RESIZE_LINGER_MS = 1500,
        RESIZE_LOOK_AGAIN_MS = 20, /* at a queue that was not empty */
};

struct resize {
        uint64_t ticket;           /* of the newest request */
        bool waits;                /* that one is not yet answered */
        unsigned int goal;         /* what it asks for */
        unsigned int n_before;     /* workers, before it */
        unsigned int n_configured; /* of the last generation that was looked at */
        uint64_t started_ms;
        bool is_opening;           /* sockets */
        bool is_flushing;          /* the queues of slot `top` − 1 */
        unsigned int top;          /* slots from here on are done with, and can be closed */
        uint64_t left_ms[RESTMARK_SLOTS_MAX]; /* when the slot left the rotation, monotonic */
        uint64_t wake_ms;
};

void plan_resize(struct resize *resize, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

/* When it waits for the time; 0: it does not. */
uint64_t resize_wake_ms(const struct resize *resize);

#endif
