/* The life of one worker slot, as a pure state machine: (state, event, now) → action. It knows no processes, no clocks and no
 * sockets; the supervisor feeds it events and performs what it says.
 *
 *            START             READY              STOP                EXITED
 *   EMPTY ──────────▶ STARTING ───────▶ READY ───────────▶ DRAINING ─────────▶ STOPPED
 *                      ▲    │  EXITED    │ EXITED             │ mercy over
 *                TIMER │    ▼            ▼ start at once      ▼
 *                     BACKOFF        STARTING               KILLED ──▶ STOPPED
 */
#ifndef RESTMARK_MASTER_SLOT_H
#define RESTMARK_MASTER_SLOT_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        SLOT_BACKOFF_MIN_MS = 100, /* before the second start; doubles with each failure */
        SLOT_BACKOFF_MAX_MS = 5000,
        SLOT_FAILURES_MAX = 10,    /* failed starts in a row that end the daemon */
        SLOT_START_MS = 30000,     /* a worker that is not ready by then is killed */
};

enum slot_event {
        SLOT_EVENT_START,  /* only in EMPTY */
        SLOT_EVENT_READY,  /* the worker has reported */
        SLOT_EVENT_EXITED, /* the worker is dead, or could not be forked */
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
        SLOT_ACTION_GIVE_UP, /* workers keep failing: stop the daemon */
};

struct slot {
        enum restmark_slot_state state;
        unsigned int failures;  /* starts in a row that did not become ready */
        bool stopping;          /* what exits is not replaced */
        uint64_t deadline_ms;   /* when TIMER is due, monotonic; 0: none */
};

/* Advances the slot. `mercy_ms` is what a stopping worker may take. */
enum slot_action slot_step(struct slot *slot, enum slot_event event, uint64_t now_ms, uint64_t mercy_ms);

/* Whether the slot has a process. */
bool slot_has_worker(const struct slot *slot);

#endif
