/* What is counted while a load runs: one thread's, or the sum of all. */
#ifndef RESTMARK_LOAD_ENGINE_TALLY_H
#define RESTMARK_LOAD_ENGINE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "latency/hdr.h"
#include "wire/response.h"

/* Why a request got no good answer. The first of a connection's requests has the reason, those pipelined behind it are LOAD_CLOSED. */
enum load_failure {
        LOAD_CLOSED,  /* the connection ended before its answer did */
        LOAD_TIMEOUT,
        LOAD_STATUS,  /* another status than expected */
        LOAD_BODY,    /* other bytes, or another number of them */
        LOAD_MALFORMED, /* and one for each response_fault from here on */
        LOAD_FAILURES = LOAD_MALFORMED + RESPONSE_FAULTS - 1,
};

/* What went wrong outside of a request. */
enum load_trouble {
        LOAD_CONNECT, /* a connection that could not be opened again */
        LOAD_UNASKED, /* bytes that no request had asked for */
        LOAD_TROUBLES,
};

enum load_syscall { LOAD_SEND, LOAD_RECV, LOAD_WAIT, LOAD_OTHER_CALL, LOAD_SYSCALLS };

/* Of one target. */
struct load_target {
        uint64_t answered; /* rightly */
        uint64_t failed;
        struct hdr latency; /* of right answers, and what was waited for those that never came */
};

enum { LOAD_STATUSES = 600 };

struct load_tally {
        uint64_t sent, answered, failed; /* sent = answered + failed when all is over */
        uint64_t in_window;              /* right answers up to the end of sending */
        uint64_t unsent;                 /* due by the schedule, but never sent */
        uint64_t compared;               /* answers whose bytes were compared */
        uint64_t received_bytes, body_bytes;
        uint64_t opened, closed_by_server; /* connections */
        uint64_t waited;                   /* requests that were due before a connection was free */
        uint64_t waited_max_ns;
        uint64_t last_answer_ns; /* CLOCK_MONOTONIC */
        uint64_t failures[LOAD_FAILURES], troubles[LOAD_TROUBLES], syscalls[LOAD_SYSCALLS];
        uint64_t statuses[LOAD_STATUSES]; /* of LOAD_STATUS */
        struct hdr given_up; /* what was waited for requests without an answer, unsent or timed out; part of their targets' latency, too */
        struct hdr late;     /* sent behind its time though a connection was free: the generator's own fault */
        size_t n_targets;
        struct load_target *targets;
};

/* Allocates for `n_targets`. Returns NULL if there is no memory; free it with load_tally_free(), which takes NULL. */
struct load_tally *load_tally_new(size_t n_targets);
struct load_tally *load_tally_free(struct load_tally *t);

/* Counts that one thread writes and others read meanwhile. */
static inline void load_count(uint64_t *counter, uint64_t n) {
        __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* A request got no answer in `waited_ns`. */
static inline void load_give_up(struct load_tally *t, size_t target, uint64_t waited_ns) {
        hdr_record(&t->given_up, waited_ns, 1);
        hdr_record(&t->targets[target].latency, waited_ns, 1);
}

/* Adds all of `from`, which its thread may be writing, to `to`. */
void load_tally_add(struct load_tally *to, const struct load_tally *from);

/* Adds the histograms of all targets to `to`. */
void load_tally_latency(const struct load_tally *t, struct hdr *to);

/* "timeout", "malformed-header" and so on. */
const char *load_failure_name(enum load_failure failure);
extern const char *const load_trouble_names[LOAD_TROUBLES];
extern const char *const load_syscall_names[LOAD_SYSCALLS];

#endif
