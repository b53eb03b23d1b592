/* A generation: one configuration with all that workers get from it. It lives as long as anything refers to it: the supervisor
 * while it is the current one, and each seat whose worker was forked with it. */
#ifndef RESTMARK_ACT_GENERATION_H
#define RESTMARK_ACT_GENERATION_H

#include <stddef.h>
#include <stdint.h>

#include "act/canary.h"
#include "base/error.h"
#include "config/config.h"
#include "config/cpu_list.h"
#include "shared/heritage.h"

struct listeners;

struct generation {
        unsigned int number; /* 1 for the one that the daemon starts with */
        unsigned int references;
        unsigned int reopened; /* when its logs were opened again: see reopen.c */
        const struct config *config;
        unsigned int n_workers; /* that it asks for */
        /* What is the same for all its workers: */
        const struct dataset *dataset;
        const struct server_limits *limits;
        const struct stores_options *stores;
        const struct account *account;
        int access_log_fd; /* -1: none. Its own, also of one that stands in */
        pid_t master_pid;
        struct canary_expectation expect; /* what its first worker has to answer */
        struct generation *of;        /* that it stands in for: see generation_stand_in(); NULL: it stands for itself */
        /* Who holds what it is made of, and gives that back when nothing refers to it any more. */
        void (*release)(void *owner);
        void *owner;
};

/* Where generations come from. `load` reads the configuration as it is now. Returns 0, with the one reference to *ret; else a
 * negative value with a sentence that names file and line. */
struct generation_source {
        int (*load)(void *context, struct generation **ret, struct error *e);
        /* Makes room for the descriptors of `n_workers` workers with `config`, or says why there is none. */
        int (*budget)(void *context, const struct config *config, unsigned int n_workers, struct error *e);
        /* Whether all that `config` names is still there, for a program that would have to load it again. */
        int (*probe)(void *context, const struct config *config, struct error *e);
        void *context;
};

/* One worker to be: what is its own. */
struct heir {
        unsigned int slot;
        struct restmark_worker_cell *cell;
        const struct listeners *listeners; /* of all slots; NULL: it takes no connections but its private one */
        const struct cpu_list *cpus;       /* for workers to be pinned to; NULL: none */
        int link, private_connection;      /* as in struct heritage */
};

/* All that a worker of `generation` inherits. It borrows from both. */
struct heritage generation_heritage(const struct generation *generation, const struct heir *heir);

/* What workers of another program, which ran in this process before, have in place of their generation: it is like `of`, of which it takes
 * a reference, but for its number. One of them that dies before it is replaced comes back from this program, which serves as they did.
 * NULL when there is no memory. */
struct generation *generation_stand_in(struct generation *of, unsigned int number);

/* Opens the access log, or opens it again, for all workers to come. Returns 1, or 0 if there is none, or a negative errno value with a
 * sentence that names file and line; then the old one is kept. */
int generation_open_log(struct generation *generation, struct error *e);

static inline struct generation *generation_ref(struct generation *generation) {
        generation->references++;
        return generation;
}

/* NULL-safe; returns NULL. */
struct generation *generation_unref(struct generation *generation);

#endif
