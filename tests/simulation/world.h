/* A world for the master's plans to act in: processes, queues and programs that live in simulated time, and go wrong, by one seed. */
#ifndef RESTMARK_SIMULATION_WORLD_H
#define RESTMARK_SIMULATION_WORLD_H

#include "plan/plans.h"

enum {
        WORLD_WORKERS_MAX = 6,
        WORLD_TICKETS_MAX = 512, /* open at the same time */
        WORLD_TRACE_MAX = 400,   /* lines of the past that are shown when something is wrong */
        WORLD_TRACE_TEXT = 160,
};

enum worker_phase { WORKER_NONE, WORKER_STARTS, WORKER_SERVES, WORKER_DRAINS, WORKER_IS_DEAD };

struct worker {
        enum worker_phase phase; /* WORKER_IS_DEAD until its death has been certified */
        pid_t pid;
        uint64_t next_ms;     /* when it starts to serve, or has drained; 0: never */
        uint64_t dies_ms;     /* 0: not of itself */
        int exit_code, signal;
        bool is_mute;         /* that it is ready does not get through */
        bool accepts;         /* clients, of its own queues */
        bool told_stop, told_retire, told_leave;
        bool is_asked_to_go;  /* by the master, whether that came through or not */
        bool is_stuck, is_stuck_in_request, lies, is_deaf;
        uint64_t stuck_ms;    /* since when */
        uint64_t wakes_ms;    /* after the machine has stood still, later than the master */
        unsigned int n_freezes; /* of the machine, since it was last seen to be alive */
        uint64_t busy_ms;     /* until then with a request, since this; 0: with none */
        uint64_t passed, taken_over, requests;
        uint64_t ready_ms;    /* when it said so */
};

struct seat_history {
        unsigned int failures, short_lives; /* in a row */
        uint64_t ended_ms;                  /* when the last one did */
};

struct ticket {
        enum topic topic;
        uint64_t number, asked_ms;
};

struct world_state {
        uint64_t seed, random, now_ms;
        struct plans *plans;
        uint64_t n_happenings, n_lives, n_replies, n_reloads, n_upgrades, n_faults, n_connections;
        struct worker workers[RESTMARK_SLOTS_MAX][RESTMARK_SEATS];
        struct seat_history histories[RESTMARK_SLOTS_MAX][RESTMARK_SEATS];
        unsigned int waiting[RESTMARK_SLOTS_MAX]; /* in the queues of a slot */
        bool watched[RESTMARK_SLOTS_MAX];
        bool is_paused, holds;
        unsigned int n_sockets; /* slots that have some */
        unsigned int rotation[RESTMARK_SLOTS_MAX];
        size_t n_rotation;
        uint64_t examined_ms, tried_ms; /* when an answer comes; 0: none does */
        bool awaits_idle;
        bool fails_examination; /* the canary has answered wrongly */
        bool systemd_awaits;    /* that a reload, which it has been told of, ends */
        bool executes, returns; /* another program has been executed, with these facts handed over */
        struct fleet *handed_over;
        bool has_exited;
        bool freezes;           /* before the next step */
        uint64_t checked_ms, n_at_once; /* happenings of one moment */
        uint64_t stopped_ms;    /* since when it has to stop; 0: it has not */
        uint64_t command_ms;    /* of the next command or fault */
        unsigned int storm;     /* commands that follow at once */
        struct policy current, next; /* generations */
        bool is_upgrade;        /* the next one came with the program */
        uint64_t tickets_given[TOPIC_COUNT];
        struct ticket tickets[WORLD_TICKETS_MAX];
        size_t n_tickets;
        pid_t last_pid;
        char trace[WORLD_TRACE_MAX][WORLD_TRACE_TEXT];
        uint64_t n_trace;
};

/* ---- chance ---- */

uint64_t world_random(struct world_state *w, uint64_t below);

/* One time out of `n`. */
bool world_one_in(struct world_state *w, uint64_t n);

/* ---- the past ---- */

void world_note(struct world_state *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Something is wrong: shows the past and how to have it again, and ends the process. */
void world_fail(struct world_state *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* ---- what the plans see and do ---- */

/* A daemon begins its life. */
void world_begin(struct world_state *w);

/* Goes to the next moment at which anything happens, and lets it. */
void world_step(struct world_state *w);

void world_perform(void *context, const struct intent *intent);
void world_look(void *context, enum fleet_needs needs);

/* Puts a happening about a seat into the queue. */
void world_report(struct world_state *w, enum happening_kind kind, unsigned int slot, unsigned int seat);

/* A command with a ticket. */
void world_command(struct world_state *w, enum topic topic, struct happening *command);

/* A reply to tickets. */
void world_reply(struct world_state *w, const struct intent *intent);

/* The worker ends by itself or is killed: the death is seen at once. */
void world_end_worker(struct world_state *w, unsigned int slot, unsigned int seat);

/* Another program has this one's place, with what was handed over; or the program before has it back. */
void world_change_program(struct world_state *w, bool is_return);

/* ---- invariants ---- */

/* After each happening, and after all of a moment. */
void world_check(struct world_state *w);
void world_check_settled(struct world_state *w);

/* Before an intent is performed. */
void world_check_intent(struct world_state *w, const struct intent *intent);

#endif
