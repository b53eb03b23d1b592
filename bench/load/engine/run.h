/* A whole run: threads, start, end, sum. */
#ifndef RESTMARK_LOAD_ENGINE_RUN_H
#define RESTMARK_LOAD_ENGINE_RUN_H

#include "engine/plan.h"
#include "engine/tally.h"
#include "engine/usage.h"

struct load_result {
        struct load_tally *tally; /* of all threads */
        struct hdr latency;       /* of all targets */
        struct usage usage;       /* of all threads, from start to the last answer */
        uint64_t start_realtime_ns;
        uint64_t start_monotonic_ns; /* what the schedule counts from */
        uint64_t sending_ns; /* from the start to the end of sending; what requests/s refers to */
        uint64_t total_ns;   /* from the start to the last answer */
        bool interrupted;    /* by SIGINT or SIGTERM: ended early */
};

/* What somebody who watches sees. `so_far` and `latency` are of the whole run up to now. */
struct load_watcher {
        void (*look)(void *context, uint64_t elapsed_ns, const struct load_tally *so_far, const struct hdr *latency);
        void *context;
        uint64_t interval_ns;
};

/* What the load waits for when all connections are open. */
struct load_gate {
        int (*ready)(void *context, struct error *e); /* called once, before the wait. Returns 0 or a negative errno value with a sentence */
        /* `fd` has something. Returns 1: begin, 0: wait on, or a negative errno value. `*ret_start_ns`: when to begin, by CLOCK_REALTIME;
         * left alone for at once, which is also what an instant that has passed means. */
        int (*take)(void *context, uint64_t *ret_start_ns, struct error *e);
        void *context;
        int fd;
};

/* Runs the plan and fills `*ret`, which load_result_deinit() frees. SIGINT and SIGTERM end the sending early; they are blocked for the
 * caller by load_block_signals(). `watcher` and `gate` may be NULL. Returns 0, or a negative errno value with a sentence. */
int load_run(const struct load_plan *plan, const struct load_watcher *watcher, const struct load_gate *gate, struct load_result *ret,
             struct error *e);
void load_result_deinit(struct load_result *r);

/* Before anything is run. Returns 0 or a negative errno value with a sentence. */
int load_block_signals(struct error *e);

#endif
