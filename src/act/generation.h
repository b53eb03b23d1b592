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
        int access_log_fd; /* -1: none */
        pid_t master_pid;
        struct canary_expectation expect; /* what its first worker has to answer */
        /* Opens the access log again, for all workers to come. Returns 1, or 0 if there is none, or a negative value
         * with a sentence; then the old one is kept. */
        int (*reopen)(struct generation *generation, struct error *e);
        void (*free)(struct generation *generation);
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

static inline struct generation *generation_ref(struct generation *generation) {
        generation->references++;
        return generation;
}

/* NULL-safe; returns NULL. */
static inline struct generation *generation_unref(struct generation *generation) {
        if (generation && --generation->references == 0)
                generation->free(generation);
        return NULL;
}

#endif
