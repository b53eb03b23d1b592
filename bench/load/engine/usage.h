/* What a thread has used of its CPU, and how long it waited for one. */
#ifndef RESTMARK_LOAD_ENGINE_USAGE_H
#define RESTMARK_LOAD_ENGINE_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct usage {
        uint64_t cpu_ns, user_us, system_us;
        uint64_t switches, preemptions; /* context switches: all of them, and those that were not its wish */
        bool has_wait;                  /* a kernel without CONFIG_SCHED_INFO does not say */
        uint64_t wait_ns;               /* ready to run, but not running */
};

/* Of the calling thread, so far. */
struct usage usage_of_thread(void);

/* What came to `now` since `earlier`. */
struct usage usage_since(const struct usage *now, const struct usage *earlier);

void usage_add(struct usage *to, const struct usage *from);

#endif
