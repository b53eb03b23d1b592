/* The processes of workers: how they are forked, told, killed and collected, and what else the master has of them. It decides nothing, and what it
 * finds out goes into the queue. */
#ifndef RESTMARK_ACT_PROCESS_H
#define RESTMARK_ACT_PROCESS_H

#include "act/act.h"
#include "act/certificate.h"
#include "act/hearing.h"
#include "shared/cell.h"
#include "shared/link.h"

/* What belongs to the worker in a seat. */
struct process {
        struct act *act;
        unsigned int slot, seat;
        struct generation *generation; /* NULL while the seat is empty */
        pid_t pid;                     /* 0: none */
        int link;
        int private_connection;        /* the master's end, while the worker is on probation; else -1 */
        struct hearing hearing;        /* what it has said on the link */
        struct cell_memory cell;       /* the worker's own */
        sd_event_source *link_source;
        uint64_t started_ms;           /* CLOCK_MONOTONIC */
        bool killed;                   /* the master has sent SIGKILL */
        sd_event_source *trace_timer;  /* see post_mortem.c */
        int trace_left_ms;
        struct certificate certificate; /* of the dead one, until it is written */
};

static inline struct process *process_at(const struct act *act, unsigned int slot, unsigned int seat) {
        return &act->processes[slot * RESTMARK_SEATS + seat];
}

/* Places for all seats that there can be; pages that nobody touches cost nothing. Returns false when there is no memory. */
bool processes_init(struct act *act);

/* Makes ready the places of the first `n_slots` slots, as far as they are not. */
void processes_reach(struct act *act, unsigned int n_slots);

/* Kills nobody: what is left of the workers, and of their seats, is let go of. */
void processes_free(struct act *act);

/* The seat is taken for `generation`, of which it takes a reference; or it is free. */
void process_take_seat(struct process *process, struct generation *generation);
void process_free_seat(struct process *process);

/* Starts a worker. Reports FORKED, or FORK_FAILED. */
void process_fork(struct process *process);

/* Sends one message on the link; if the worker is dying that is passed over, as its death will be seen. */
void process_tell(const struct process *process, enum link_message message);

void process_kill(struct process *process);

/* Reports what the worker has said last, if that stands unread. */
void process_hear(struct process *process);

/* Lets go of all that the dead worker had. */
void process_forget(struct process *process);

/* Goes on with a worker of the program that ran in this process before, as one of `generation` (a reference of which is taken). */
int process_adopt(struct process *process, const struct handover_child *from, struct generation *generation, struct error *e);

/* The master's copy of the worker's cell, on the scoreboard, brought up to date: all of it, or its pulse (see shared/cell.h). Returns false if
 * it holds what cannot be. */
bool process_look(const struct process *process, bool all);

/* That copy. */
const struct restmark_worker_cell *process_cell(const struct process *process);

#endif
