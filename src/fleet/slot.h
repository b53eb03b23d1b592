/* The life of one worker slot, as a pure state machine: (state, event, now) → action. It knows no processes, no clocks and no
 * sockets; the supervisor feeds it events and performs what it says.
 *
 *            START             READY              STOP                EXITED
 *   EMPTY ──────────▶ STARTING ───────▶ READY ───────────▶ DRAINING ─────────▶ STOPPED
 *                      ▲    │  EXITED    │ EXITED             │ mercy over
 *                TIMER │    ▼            ▼                    ▼
 *                     BACKOFF        STARTING, at once;     KILLED ──▶ STOPPED
 *                                    BACKOFF in a crash loop
 *
 * Workers that fail to start, or that die as soon as they are ready, are started again ever later. None of that ends the slot: whether the
 * daemon goes on is decided by all slots together (slots_judge). */
#ifndef RESTMARK_FLEET_SLOT_H
#define RESTMARK_FLEET_SLOT_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        SLOT_BACKOFF_MIN_MS = 100, /* before the second start; doubles with each failure */
        SLOT_BACKOFF_MAX_MS = 5000,
        SLOT_FAILURES_MAX = 10,    /* failed starts in a row after which a slot is lost: it is not counted on any more … */
        SLOT_BACKOFF_LOST_MS = 60000, /* … but tried, up to so seldom */
        SLOT_HEALTHY_MS = 1000,    /* a worker that has been ready for so long has not died of its start */
        SLOT_SHORT_LIVES_FREE = 1, /* shorter lives in a row before it is a crash loop: one death alone says nothing */
        SLOT_LATE_MS = 1000,       /* a deadline that is noticed so late has passed while the machine stood still … */
        SLOT_LATE_GRACE_MS = 1000, /* … and the worker, which has stood still too, gets so long */
        SLOT_START_MS = 30000,     /* a worker that is not ready by then is killed */
};

enum slot_event {
        SLOT_EVENT_START,  /* only in EMPTY */
        SLOT_EVENT_READY,  /* the worker has reported */
        SLOT_EVENT_EXITED, /* the worker is dead, or could not be forked */
        SLOT_EVENT_REFUSED, /* it is dead, and has said that another would end in the same way */
        SLOT_EVENT_TIMER,  /* deadline_ms is reached */
        SLOT_EVENT_STOP,   /* gracefully */
        SLOT_EVENT_KILL,   /* at once */
        SLOT_EVENT_COUNT
};

enum slot_action {
        SLOT_ACTION_NONE,
        SLOT_ACTION_FORK,    /* start a worker; if that fails, report EXITED */
        SLOT_ACTION_DRAIN,   /* tell the worker to finish */
        SLOT_ACTION_KILL,    /* SIGKILL it */
        SLOT_ACTION_GIVE_UP, /* the slot is lost, and waits: stop the daemon if all are, see slots_judge() */
};

struct slot {
        enum restmark_slot_state state;
        unsigned int failures;  /* starts in a row that did not become ready */
        unsigned int short_lives; /* workers in a row that were ready, and then died within SLOT_HEALTHY_MS */
        bool stopping;          /* what exits is not replaced */
        bool limited;           /* it stops when it is lost: there is another worker in its place. Until it is ready */
        uint64_t deadline_ms;   /* when TIMER is due, monotonic; 0: none */
};

/* Advances the slot. `mercy_ms` is what a stopping worker may take. */
enum slot_action slot_step(struct slot *slot, enum slot_event event, uint64_t now_ms, uint64_t mercy_ms);

/* When TIMER has to come, so that no loop is woken up for nothing; 0: not at all. */
uint64_t slot_timer_ms(const struct slot *slot);

/* Whether the slot has a process. */
bool slot_has_worker(const struct slot *slot);

/* Whether its workers die as soon as they are ready, one after another. */
bool slot_is_in_crash_loop(const struct slot *slot);

/* What the slots are to the daemon. */
struct slots_tally {
        unsigned int ready;
        unsigned int awaited; /* may become ready */
        unsigned int lost;    /* have failed SLOT_FAILURES_MAX times in a row */
};

/* Counts one in. */
void slots_count(struct slots_tally *tally, const struct slot *slot);

enum slots_verdict {
        SLOTS_WAIT, /* for those that may yet become ready */
        SLOTS_SERVE, /* all are ready that can be hoped for */
        SLOTS_GIVE_UP, /* nothing serves, and nothing will */
};

enum slots_verdict slots_judge(const struct slots_tally *tally);

#endif
