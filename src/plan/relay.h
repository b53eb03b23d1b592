/* Serves the queues of slots that have no worker for them, or one that does not respond: the master accepts what waits there and passes it, over
 * their links, to workers of other slots, which then have these connections as if they had accepted them. So nobody waits for a slot that is in
 * back-off or is retired, and nothing is reset when its sockets are closed. */
#ifndef RESTMARK_PLAN_RELAY_H
#define RESTMARK_PLAN_RELAY_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

enum {
        RELAY_PER_TURN = 16,  /* connections out of one queue before the loop does anything else */
        RELAY_IN_FLIGHT = 16, /* that a worker has been passed and has not yet taken over: what it keeps without having room */
        RELAY_SILENCE_MS = 2000, /* a worker that has not turned its loop for so long is passed nothing */
        RELAY_PAUSE_MS = 20,  /* while no worker has room */
        RELAY_TRIES = 8,      /* workers that are offered a connection, one after another, before the pause */
};

/* What is being served. */
struct relay_job {
        bool runs;
        bool is_flush;        /* of all addresses of the slot; else of one, that was seen to have somebody */
        unsigned int slot, address, n_left; /* that may still be taken in this turn */
};

struct relay {
        unsigned int n_addresses;
        struct relay_job job;
        bool watched[RESTMARK_SLOTS_MAX];
        bool to_flush[RESTMARK_SLOTS_MAX];  /* before a worker leaves … */
        bool to_answer[RESTMARK_SLOTS_MAX]; /* … or a slot's sockets are closed */
        bool releases[RESTMARK_SLOTS_MAX][RESTMARK_SEATS]; /* workers that have nothing left to serve, and wait to be let go */
        bool is_taking;       /* one connection, and what comes of it is not yet known */
        bool holds;           /* a connection that nobody took; goes first after the pause */
        uint64_t pause_ms;    /* until then; 0: there is none */
        struct { unsigned int slot, seat; } refused[RELAY_TRIES]; /* the held one */
        unsigned int n_refused;
};

void plan_relay(struct relay *relay, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

/* When it waits for the time; 0: it does not. */
uint64_t relay_wake_ms(const struct relay *relay);

#endif
