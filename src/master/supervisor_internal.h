/* What the files of the supervisor share: supervisor.c (the loop, signals, the end), child.c (processes), reload.c (generations), replace.c
 * (one worker after another). */
#ifndef RESTMARK_MASTER_SUPERVISOR_INTERNAL_H
#define RESTMARK_MASTER_SUPERVISOR_INTERNAL_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <systemd/sd-event.h>

#include "act/events.h"
#include "act/hearing.h"
#include "act/oom.h"
#include "fleet/slot.h"
#include "master/drain.h"
#include "master/happenings.h"
#include "master/health.h"
#include "master/relay.h"
#include "master/reload.h"
#include "master/replace.h"
#include "master/resize.h"
#include "master/rotation.h"
#include "master/supervisor.h"
#include "master/upgrade.h"
#include "plan/vital.h"
#include "shared/cell.h"
#include "shared/link.h"

/* A seat of a slot, and the worker that has it. */
struct child {
        struct supervisor *supervisor;
        unsigned int index; /* of the slot */
        unsigned int seat;
        struct slot slot;
        struct generation *generation; /* NULL while the seat is empty */
        pid_t pid;                     /* 0: none */
        int link;
        int private_connection; /* the master's end, while the worker is on probation; else -1 */
        bool on_probation;      /* it takes no clients yet; if it dies it is not replaced */
        bool once;              /* if its start fails it is not started again */
        int refusal;            /* the exit code with which the last one said that another would not help; 0: it did not */
        enum restmark_cause cause; /* what its death will be put down to */
        bool retired;           /* it takes no more connections: told so, or about to leave */
        uint64_t n_passed;      /* connections that the worker got over the link */
        struct hearing hearing; /* what it has said on the link */
        struct cell_memory cell; /* the worker's own; read it by the functions of cells.c */
        bool lies;              /* what its cell says cannot be: health.c ends it */
        bool unresponsive;      /* it gets no connections until it shows a sign of life */
        uint64_t deaf_ms;       /* since when its end of the link is closed, CLOCK_MONOTONIC; 0: it is not */
        sd_event_source *link_source, *timer;
        uint64_t started_ms;       /* of the process; CLOCK_MONOTONIC */
        uint64_t dice;             /* random: workers that do the same are not to be recycled at the same time */
        struct vital vital;        /* see health.c */
        bool traces;               /* shows its stack when asked */
        bool doomed;               /* harakiri: it is killed as soon as it has shown its stack */
        bool killed;               /* the master has sent SIGKILL */
        int trace_left_ms;
        sd_event_source *trace_timer;
};

/* What a dead worker had done. */
struct child_account {
        uint64_t accepted, requests;
        uint64_t connections; /* open when it died: they are reset */
};

struct supervisor {
        const struct supervisor_options *options;
        sd_event *event;
        struct child (*children)[RESTMARK_SEATS]; /* [slot][seat], RESTMARK_SLOTS_MAX of them */
        unsigned int n_workers;                   /* slots that have a worker, or are to have one: the first ones */
        unsigned int n_slots;                     /* these, and those above that are being retired */
        struct generation *generation;            /* the current one */
        struct reload *reload;
        struct replace *replace;
        struct upgrade *upgrade;
        struct events *events;
        struct rotation *rotation;
        struct relay *relay;
        struct drain *drain;
        struct resize *resize;
        struct bulletin *bulletin;
        unsigned int n_reopened; /* how often logs have been opened again */
        struct health *health;
        struct oom oom;
        bool was_ready;                           /* all workers have been that can start, once */
        bool stopping;
        int exit_code;
        struct happenings happenings;
};

/* ---- supervisor.c ---- */

/* Begins or hastens the end, from the loop: SLOT_EVENT_STOP or SLOT_EVENT_KILL. */
void supervisor_stop(struct supervisor *s, enum slot_event event);

/* Brings up to date what the scoreboard holds of memory and listening sockets: to be called before it is shown. */
void supervisor_sample(struct supervisor *s);

/* To be called when what others look at has changed: they do, from the loop. */
void supervisor_report(struct supervisor *s);

/* What the slots in rotation are to the daemon, all together. */
enum slots_verdict supervisor_judge(struct supervisor *s);

/* ---- death.c ---- */

/* Makes the certificate of a worker that is dead, counts its end, moves its numbers to the slot's past, and tells what they were. */
void death_report(struct child *child, const siginfo_t *info, const struct rusage *usage, struct child_account *had);

/* ---- cells.c: what the workers say of themselves, as far as it can be true ---- */

/* The master's copy of the worker's cell, in the scoreboard, brought up to date: all of it; or `connections`, `taken_over` and
 * `beat_ms`, for whoever asks often. */
const struct restmark_worker_cell *cells_look(struct child *child);
const struct restmark_worker_cell *cells_pulse(struct child *child);

/* All of all workers: to be called before the scoreboard is shown. */
void cells_look_at_all(struct supervisor *s);

/* ---- child.c ---- */

/* The child that is the slot's own worker, and the one beside it. */
struct child *child_primary(struct supervisor *s, unsigned int index);
struct child *child_beside(struct supervisor *s, unsigned int index);
struct restmark_seat_cell *child_cell(const struct child *child);

void child_init(struct child *child, struct supervisor *s, unsigned int index, unsigned int seat);
void child_release(struct child *child);

/* Takes the empty seat for `generation` and starts a worker. */
void child_start(struct child *child, struct generation *generation, bool on_probation);

/* Goes on with a worker of the program that ran in this process before, as one of `generation` (a reference of which is taken). */
int child_adopt(struct child *child, const struct handover_child *from, struct generation *generation, struct error *e);

/* Feeds the slot's machine and performs what it says. */
void child_step(struct child *child, enum slot_event event);

/* Puts the worker's death, when it comes, down to `cause`, unless somebody has named another one before. */
void child_blame(struct child *child, enum restmark_cause cause);

/* Sends one message on the link; if the worker is dying that is passed over, as its death will be seen. */
void child_tell(struct child *child, enum link_message message);

/* The worker could not be forked. */
void child_not_forked(struct child *child);

/* Collects the worker if it is dead. */
void child_collect(struct child *child);

#endif
