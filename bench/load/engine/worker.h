/* One thread of the load: a share of the connections and one epoll loop over them. */
#ifndef RESTMARK_LOAD_ENGINE_WORKER_H
#define RESTMARK_LOAD_ENGINE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/connection.h"
#include "engine/plan.h"
#include "engine/tally.h"
#include "engine/usage.h"
#include "pace/schedule.h"

/* What the threads share. Times are of CLOCK_MONOTONIC. */
struct load_shared {
        _Atomic uint64_t stop_ns;    /* when sending ends; moved forward to end a run early */
        _Atomic uint64_t taken;      /* requests that the threads have taken of plan->requests */
        _Atomic uint32_t n_ready, n_finished;
        _Atomic bool abandoned;      /* some thread could not get ready: none may start */
        uint64_t start_ns;           /* set before `go` */
        pthread_mutex_t lock;
        pthread_cond_t start;
        bool go; /* under the lock */
        int news;                    /* an eventfd: n_ready or n_finished has changed */
};

enum worker_phase { WORKER_CONNECTING, WORKER_SENDING, WORKER_DRAINING };

struct worker {
        const struct load_plan *plan;
        void (*on_free)(struct worker *w, struct connection *c, uint64_t now_ns); /* a connection has become free for requests */
        struct load_shared *shared;
        pthread_t thread;
        uint32_t index, n_connections;
        enum worker_phase phase;
        int epoll;
        uint64_t now_ns;    /* when the clock was last looked at */
        uint64_t in_flight; /* requests under way */
        uint64_t n_open;    /* while connecting */
        uint64_t n_taken;   /* requests of this thread, in a closed loop */
        uint64_t next_sweep_ns;
        uint64_t stopped_ns; /* when sending ended by time; 0: it has not */
        struct connection *connections;
        struct flight *flights; /* of all connections */
        char *out;              /* of all connections */
        char *in;
        struct connection_queue idle;     /* open loop: free; while connecting: all that are open */
        struct connection_queue thinking; /* closed loop */
        struct connection_queue resting;  /* to be opened again later */
        struct schedule schedule;         /* open loop */
        struct response_memo memo;
        struct load_tally *tally;
        struct usage usage; /* from start to end */
        int result;         /* 0 or a negative errno value with `error` */
        struct error error;
};

/* How many of `total` connections thread `index` of `threads` has: all have the same number, the first ones one more. */
static inline uint32_t worker_share(uint32_t total, uint32_t threads, uint32_t index) {
        return total / threads + (index < total % threads);
}

/* Allocates all that the thread needs. Returns 0 or a negative errno value with a sentence; worker_deinit() frees it in any case. */
int worker_init(struct worker *w, const struct load_plan *plan, struct load_shared *shared, uint32_t index, struct error *e);
void worker_deinit(struct worker *w);

/* The thread's main function; takes the worker, returns NULL. What went wrong is in `result` and `error`. */
void *worker_main(void *worker);

#endif
