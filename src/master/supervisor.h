/* The master's event loop: it feeds the slots and performs what they say. */
#ifndef RESTMARK_MASTER_SUPERVISOR_H
#define RESTMARK_MASTER_SUPERVISOR_H

#include "act/control.h"
#include "act/generation.h"
#include "act/handover.h"
#include "act/listener.h"
#include "act/program.h"
#include "admin/admin.h"
#include "base/error.h"
#include "config/config.h"
#include "config/cpu_list.h"

struct supervisor_options {
        const struct config *boot;       /* the configuration of the daemon's start: what takes a restart stays as it says */
        struct generation *generation;   /* the first one; its reference passes to the supervisor */
        struct generation_source source; /* of all later ones */
        struct restmark_scoreboard *board;
        struct listeners *listeners;
        struct control *control; /* NULL: none */
        struct admin *admin;     /* NULL: none */
        const struct cpu_list *cpus; /* slot i is pinned to at[i % n], if there are any */
        unsigned int n_workers;
        const struct program *program; /* for an upgrade */
        int board_fd;
        struct handover *handover; /* of the program that ran in this process before; NULL: there was none */
        int (*worker_main)(const struct heritage *heritage); /* runs in the child; returns its exit code */
};

/* Runs the daemon until it is told to stop. Returns its exit code (0, or of sysexits.h); errors are logged. */
int supervisor_run(const struct supervisor_options *options);

#endif
