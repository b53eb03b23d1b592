/* Reload: a new generation is loaded, its first worker (the canary) examined, and only then the others replaced, one slot after another, each by a
 * worker that is ready before the old one stops to accept. Whatever fails before that leaves everything as it was. The same follows an upgrade,
 * with a generation that is there already; if that fails, the old program has the daemon back. */
#ifndef RESTMARK_PLAN_RELOAD_H
#define RESTMARK_PLAN_RELOAD_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

enum reload_stage {
        RELOAD_IDLE,
        RELOAD_WAITS,    /* for a slot whose other seat is free for the canary */
        RELOAD_LOADS,    /* the next generation */
        RELOAD_LOADED,   /* … which waits for a seat, if the one that was free is not any more */
        RELOAD_RETURNS,  /* to the program before, when nothing waits anywhere; `text` says why */
        RELOAD_EXAMINES, /* the canary starts or is examined; everything is as it was */
        RELOAD_ROLLS,    /* workers are replaced, one slot after another */
        RELOAD_DRAINS,   /* all slots have new workers, old ones finish */
};

struct reload {
        enum reload_stage stage;
        bool is_upgrade;
        bool is_committing; /* the canary's slot has not yet been heard of as proven */
        bool is_examining;  /* the canary is asked; until then `deadline_ms` holds */
        bool is_leaving;    /* for the program before, when nothing waits anywhere */
        bool stuck;         /* a slot could not be rolled over; `text` is the reply */
        uint64_t ticket;    /* of the reload that runs or ran last */
        uint64_t wanted;    /* the newest one that was asked for */
        unsigned int slot;  /* of the canary */
        unsigned int old_number; /* of the generation that is replaced */
        uint64_t started_ms, deadline_ms; /* monotonic */
        struct {
                unsigned int workers, killed;
                uint64_t accepted, requests, reset;
        } tally;            /* what became of the connections and requests of the workers that were replaced */
        char pending[256];  /* what of the new configuration takes a restart */
        char text[800];     /* why the canary failed; "" for not yet */
};

void plan_reload(struct reload *reload, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

/* When it waits for the time; 0: it does not. */
uint64_t reload_wake_ms(const struct reload *reload);

#endif
