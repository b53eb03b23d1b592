#include "engine/tally.h"

#include <stdlib.h>

const char *const load_trouble_names[LOAD_TROUBLES] = { [LOAD_CONNECT] = "connect", [LOAD_UNASKED] = "unasked-bytes" };
const char *const load_syscall_names[LOAD_SYSCALLS] = {
        [LOAD_SEND] = "send", [LOAD_RECV] = "recv", [LOAD_WAIT] = "epoll_wait", [LOAD_OTHER_CALL] = "other",
};

const char *load_failure_name(enum load_failure failure) {
        static const char *const names[] = {
                [LOAD_CLOSED] = "closed", [LOAD_TIMEOUT] = "timeout", [LOAD_STATUS] = "status", [LOAD_BODY] = "body",
        };

        return failure < LOAD_MALFORMED ? names[failure] : response_fault_names[failure - LOAD_MALFORMED + 1];
}

struct load_tally *load_tally_new(size_t n_targets) {
        struct load_tally *t = calloc(1, sizeof *t);

        if (!t)
                return NULL;
        t->n_targets = n_targets;
        t->targets = calloc(n_targets, sizeof *t->targets);
        return t->targets ? t : load_tally_free(t);
}

struct load_tally *load_tally_free(struct load_tally *t) {
        if (t)
                free(t->targets);
        free(t);
        return NULL;
}

static void add(uint64_t *to, const uint64_t *from, size_t n) {
        for (size_t i = 0; i < n; i++)
                to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static void keep_larger(uint64_t *to, const uint64_t *from) {
        uint64_t value = __atomic_load_n(from, __ATOMIC_RELAXED);

        *to = value > *to ? value : *to;
}

void load_tally_add(struct load_tally *to, const struct load_tally *from) {
        add(&to->sent, &from->sent, 1);
        add(&to->answered, &from->answered, 1);
        add(&to->failed, &from->failed, 1);
        add(&to->in_window, &from->in_window, 1);
        add(&to->unsent, &from->unsent, 1);
        add(&to->compared, &from->compared, 1);
        add(&to->received_bytes, &from->received_bytes, 1);
        add(&to->body_bytes, &from->body_bytes, 1);
        add(&to->opened, &from->opened, 1);
        add(&to->closed_by_server, &from->closed_by_server, 1);
        add(&to->waited, &from->waited, 1);
        keep_larger(&to->waited_max_ns, &from->waited_max_ns);
        keep_larger(&to->last_answer_ns, &from->last_answer_ns);
        add(to->failures, from->failures, LOAD_FAILURES);
        add(to->troubles, from->troubles, LOAD_TROUBLES);
        add(to->syscalls, from->syscalls, LOAD_SYSCALLS);
        add(to->statuses, from->statuses, LOAD_STATUSES);
        hdr_add(&to->given_up, &from->given_up);
        hdr_add(&to->late, &from->late);
        for (size_t i = 0; i < to->n_targets; i++) {
                add(&to->targets[i].answered, &from->targets[i].answered, 1);
                add(&to->targets[i].failed, &from->targets[i].failed, 1);
                hdr_add(&to->targets[i].latency, &from->targets[i].latency);
        }
}

void load_tally_latency(const struct load_tally *t, struct hdr *to) {
        for (size_t i = 0; i < t->n_targets; i++)
                hdr_add(to, &t->targets[i].latency);
}
