/* The master's truth about its workers, as plain data: it is written in one place, by what has happened and by what plans want, and read by all
 * plans. The scoreboard in shared memory is its display, and nothing here comes from there. */
#ifndef RESTMARK_FLEET_FLEET_H
#define RESTMARK_FLEET_FLEET_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fleet/happening.h"
#include "fleet/intent.h"
#include "fleet/policy.h"
#include "fleet/slot.h"

/* What a worker says of itself, as far as it can be true. It is looked at before the plans need it: see fleet_needs(). */
struct seen {
        uint64_t beat_ms, connections, taken_over;
        uint64_t requests, working_since_ms;
        uint64_t rss_bytes, pss_bytes; /* 0: not known */
};

/* A seat of a slot, and the worker that has it. */
struct seat {
        struct slot slot;
        uint64_t life;           /* a number that no other worker has */
        pid_t pid;               /* 0: none */
        unsigned int generation; /* 0 while the seat is empty */
        uint64_t max_connections;
        bool traces;             /* it shows its stack when asked */
        bool on_probation;       /* it takes no clients yet; if it dies it is not replaced */
        bool once;               /* if its start fails it is not started again */
        int refusal;             /* the exit code with which the last one said that another would not help; 0: it did not */
        enum restmark_cause cause; /* what its death will be put down to */
        bool retired;            /* it takes no more connections: told so, or about to leave */
        bool lies;               /* what its cell says cannot be */
        bool unresponsive;       /* it gets no connections until it shows a sign of life */
        bool doomed;             /* it is killed as soon as it has shown its stack */
        uint64_t deaf_ms;        /* since when its end of the link is closed, monotonic; 0: it is not */
        uint64_t started_ms;     /* monotonic */
        uint64_t dice;           /* random: workers that do the same are not to be recycled at the same time */
        uint64_t n_passed;       /* connections that it got over the link */
        struct seen seen;
};

/* That a slot's worker is to be replaced by a new one. */
struct wish {
        bool wanted;
        enum restmark_cause cause; /* what the old worker's death will be put down to */
        uint64_t order;            /* who came first is served first */
        pid_t pid;                 /* recycling: of this worker, no other */
        uint64_t not_before_ms;    /* after a failure; monotonic */
        unsigned int failures;
        uint64_t ticket;           /* of the drain that waits for it; 0: nobody does */
        uint64_t asked_ms;         /* when that was … */
        pid_t drained_pid;         /* … and of which worker */
};

struct fleet {
        struct seat seats[RESTMARK_SLOTS_MAX][RESTMARK_SEATS];
        uint8_t primary[RESTMARK_SLOTS_MAX]; /* the seat of the slot's own worker; the other is empty, or its worker comes or leaves */
        unsigned int n_workers;   /* slots that have a worker, or are to have one: the first ones */
        unsigned int n_slots;     /* these, and those above that are being retired */
        unsigned int n_proven;    /* workers that have been ready: what is left if a new one does not start */
        struct policy current, next; /* generations */
        struct wish wishes[RESTMARK_SLOTS_MAX];
        uint64_t n_wishes, n_lives; /* ever */
        int awaited;              /* the slot whose new worker is awaited, to replace the old one; -1: none */
        bool facts[FACT_COUNT];   /* what plans tell each other about themselves */
        bool is_shared;           /* all slots have the same listening sockets */
        bool is_given;            /* which are systemd's, and stay open */
        bool was_ready;           /* all workers have been that can start, once */
        bool stopping;
        int exit_code;
        uint64_t requests;        /* served by all workers that ever were, as far as it is remembered */
};

/* An empty fleet of `n_workers` slots with `current`. */
void fleet_init(struct fleet *fleet, unsigned int n_workers, const struct policy *current);

/* The slot's own seat, and the one beside it. */
static inline unsigned int fleet_own(const struct fleet *f, unsigned int slot) {
        return f->primary[slot];
}

static inline unsigned int fleet_other(const struct fleet *f, unsigned int slot) {
        return !f->primary[slot];
}

static inline const struct seat *fleet_primary(const struct fleet *f, unsigned int slot) {
        return &f->seats[slot][f->primary[slot]];
}

static inline const struct seat *fleet_beside(const struct fleet *f, unsigned int slot) {
        return &f->seats[slot][!f->primary[slot]];
}

/* How much of the workers' words has to be looked at before the plans hear of the happening. */
enum fleet_needs {
        FLEET_NEEDS_NOTHING,
        FLEET_NEEDS_PULSES, /* beat_ms, connections, taken_over */
        FLEET_NEEDS_ALL,
};

enum fleet_needs fleet_needs(const struct happening *happening);

/* What the seat's worker says of itself has been looked at: `lies` if it cannot be true, and then nothing of it is believed. */
void fleet_see(struct fleet *fleet, unsigned int slot, unsigned int seat, const struct seen *seen, bool lies);

/* Makes `happening` part of the facts, before any plan looks at it; it is given what follows for the seat's machine. */
void fleet_apply(struct fleet *fleet, struct happening *happening, uint64_t now_ms, struct happenings *queue);

/* Makes what a plan wants part of the facts; what that leads to comes from the queue. Intents that change nothing here are for others. */
void fleet_change(struct fleet *fleet, const struct intent *intent, uint64_t now_ms, struct happenings *queue);

/* When the next seat waits for the time; 0: none does. */
uint64_t fleet_wake_ms(const struct fleet *fleet);

/* What the slots in rotation are to the daemon, all together. */
enum slots_verdict fleet_judge(const struct fleet *fleet);

/* Of the slots in rotation: how many have a worker that is ready. */
unsigned int fleet_count_ready(const struct fleet *fleet);

/* Whether the slot's worker goes on to take connections out of its own queues. */
bool fleet_serves_queues(const struct seat *seat);

/* Whether every slot has what another program can go on with: one worker that starts, serves or waits to be started again. */
bool fleet_can_be_handed_over(const struct fleet *fleet);

/* Whether the seats of a slot are both empty. */
bool fleet_is_vacant(const struct fleet *fleet, unsigned int slot);

#endif
