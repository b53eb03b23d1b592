/* What `status json` said at one moment. */
#ifndef RESTMARK_CTL_SAMPLE_H
#define RESTMARK_CTL_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "shared/histogram.h"

/* Numbers that only grow, of a slot or of all. */
struct sample_counts {
        uint64_t requests, errors, aborted; /* errors: 4xx and 5xx */
        struct histogram durations;
};

struct sample_process {
        uint32_t pid; /* 0: none */
        bool has_cpu, has_memory;
        uint64_t cpu_ns, rss_bytes, pss_bytes;
};

struct sample_worker {
        unsigned int slot;
        bool beside; /* a second worker of the slot, during a replacement: it has no counts of its own */
        char state[16];
        bool is_unresponsive;  /* no sign of life: it gets no connections */
        bool is_in_crash_loop; /* workers of this slot die as soon as they are ready */
        struct sample_process process;
        uint64_t generation, started_unix_ms, connections, restarts;
        struct sample_counts counts; /* the slot's, its dead workers' included */
};

/* A database or a cache, asked by all workers. */
struct sample_store {
        bool is_used;
        uint64_t connections, busy, waiting, failures;
        struct histogram durations;
};

/* Of the requests and connections those of the RPC port. */
struct sample_rpc {
        uint64_t calls, connections;
};

struct sample {
        uint64_t taken_ns; /* CLOCK_MONOTONIC */
        char version[32], state[16];
        uint64_t started_unix_ms, now_unix_ms, generation;
        struct sample_process master;
        struct sample_counts counts; /* of all slots */
        struct sample_store stores[RESTMARK_STORE_COUNT];
        struct sample_rpc rpc;
        size_t n_workers;
        struct sample_worker workers[];
};

/* Reads the JSON of `status json`. Returns 0, and the caller owns *ret; -EBADMSG when it is not what was expected. */
int sample_parse(const char *json, uint64_t taken_ns, struct sample **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct sample *sample_free(struct sample *sample);

#endif
