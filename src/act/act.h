/* What all acts work with: the facts, to read; the queue, for what they find out; and the means. */
#ifndef RESTMARK_ACT_ACT_H
#define RESTMARK_ACT_ACT_H

#include <systemd/sd-event.h>

#include "act/control.h"
#include "act/events.h"
#include "act/generation.h"
#include "act/handover.h"
#include "act/listener.h"
#include "act/oom.h"
#include "act/pid_file.h"
#include "act/program.h"
#include "config/config.h"
#include "config/cpu_list.h"
#include "fleet/fleet.h"

struct admin;
struct process;

/* What the daemon is made of. */
struct supervisor_options {
        const struct config *boot;       /* the configuration of the daemon's start: what takes a restart stays as it says */
        struct generation *generation;   /* the first one; its reference passes to the supervisor */
        struct generation_source source; /* of all later ones */
        struct restmark_scoreboard *board;
        struct listeners *listeners;
        struct control *control; /* NULL: none */
        struct admin *admin;     /* NULL: none */
        struct pid_file *pid_file; /* NULL: none */
        const struct cpu_list *cpus; /* slot i is pinned to at[i % n], if there are any */
        unsigned int n_workers;
        const struct program *program; /* for an upgrade */
        int board_fd;
        struct handover *handover; /* of the program that ran in this process before; NULL: there was none */
        int (*worker_main)(const struct heritage *heritage); /* runs in the child; returns its exit code */
};

struct act {
        const struct supervisor_options *options;
        const struct fleet *fleet;
        struct happenings *queue;
        sd_event *event;
        struct events *events;
        struct process *processes; /* [slot × RESTMARK_SEATS + seat]: see process_at() */
        struct generation *generation; /* the current one */
        struct generation *next;       /* until it is; NULL: there is none */
        unsigned int n_reopened;       /* how often logs have been opened again */
        struct oom oom;
};

/* What plans have to know of a generation. */
struct policy act_policy(const struct generation *generation);

/* The seat's place on the scoreboard. */
static inline struct restmark_seat_cell *act_cell(const struct act *act, unsigned int slot, unsigned int seat) {
        return &act->options->board->slots[slot].slot.seats[seat];
}

/* Something has come of an act about a seat: it goes into the queue. `text` may be NULL. */
void act_report(const struct act *act, enum happening_kind kind, unsigned int slot, unsigned int seat, const char *text);

#endif
