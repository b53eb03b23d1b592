/* A generation: one configuration with all that workers get from it. It lives as long as anything refers to it: the supervisor
 * while it is the current one, and each seat whose worker was forked with it. */
#ifndef RESTMARK_ACT_GENERATION_H
#define RESTMARK_ACT_GENERATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "shared/heritage.h"

struct generation {
        unsigned int number; /* 1 for the one that the daemon starts with */
        unsigned int references;
        unsigned int reopened; /* when its logs were opened again: see reopen.c */
        const struct config *config;
        unsigned int n_workers;   /* that it asks for */
        struct heritage heritage; /* what is the same for all workers; the rest is filled in at each fork */
        size_t n_records;         /* what /parse-msgpack answers … */
        size_t json_bytes;        /* … and /encode-json, which is also how long /transfer-data is */
        /* Opens the access log again, in `heritage` and for all workers to come. Returns 1, or 0 if there is none, or a negative value
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
        void *context;
};

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
