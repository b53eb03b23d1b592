/* The classic BPF program by which the kernel chooses the socket of a SO_REUSEPORT group for a new connection: among those of the live
 * slots alone, so that a slot without a worker gets none.
 *
 * At random, not by the hash that is the kernel's default: all that a TCP group decides is where a SYN goes, so that nothing depends on
 * a client's packets taking the same way twice; a SYN that comes again, as the queue of its first socket was full, finds another;
 * and a network card that hashes nothing does not send every client to one worker. */
#ifndef RESTMARK_ACT_SELECTOR_H
#define RESTMARK_ACT_SELECTOR_H

#include <linux/filter.h>
#include <stddef.h>

enum {
        SELECTOR_SLOTS_MAX = 256,
        /* Three instructions for each run of neighbouring slots, once for all and once for those of their CPU; five around those of a CPU. */
        SELECTOR_INSTRUCTIONS_MAX = 2 * 3 * SELECTOR_SLOTS_MAX + 5 * SELECTOR_SLOTS_MAX + 8,
};

struct selector {
        unsigned short n;
        struct sock_filter program[SELECTOR_INSTRUCTIONS_MAX];
};

/* A program that returns one of the `n` slots of `live` (ascending, 1 to SELECTOR_SLOTS_MAX of them), each equally often. */
void selector_build_random(struct selector *selector, const unsigned int *live, size_t n);

/* The same, but for a packet that is handled on a CPU that live slots are pinned to, one of these. Slot i is pinned to
 * cpus[i % n_cpus]; the CPUs are distinct. */
void selector_build_cpu(struct selector *selector, const unsigned int *live, size_t n, const unsigned int *cpus, size_t n_cpus);

#endif
