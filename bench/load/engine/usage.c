#include "engine/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"

static bool read_wait(uint64_t *ret) {
        FILE *file = fopen("/proc/thread-self/schedstat", "re");
        bool found;

        if (!file)
                return false;
        found = fscanf(file, "%*u %" SCNu64, ret) == 1; /* ns on the CPU, ns in the queue, slices */
        (void)fclose(file);
        return found;
}

static uint64_t to_us(struct timeval t) {
        return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_usec;
}

struct usage usage_of_thread(void) {
        struct usage u = { .cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) };
        struct rusage r;

        if (getrusage(RUSAGE_THREAD, &r) == 0) {
                u.user_us = to_us(r.ru_utime);
                u.system_us = to_us(r.ru_stime);
                u.switches = (uint64_t)(r.ru_nvcsw + r.ru_nivcsw);
                u.preemptions = (uint64_t)r.ru_nivcsw;
        }
        u.has_wait = read_wait(&u.wait_ns);
        return u;
}

struct usage usage_since(const struct usage *now, const struct usage *earlier) {
        return (struct usage){
                .cpu_ns = now->cpu_ns - earlier->cpu_ns,
                .user_us = now->user_us - earlier->user_us,
                .system_us = now->system_us - earlier->system_us,
                .switches = now->switches - earlier->switches,
                .preemptions = now->preemptions - earlier->preemptions,
                .has_wait = now->has_wait && earlier->has_wait,
                .wait_ns = now->wait_ns - earlier->wait_ns,
        };
}

void usage_add(struct usage *to, const struct usage *from) {
        to->cpu_ns += from->cpu_ns;
        to->user_us += from->user_us;
        to->system_us += from->system_us;
        to->switches += from->switches;
        to->preemptions += from->preemptions;
        to->has_wait = to->has_wait && from->has_wait;
        to->wait_ns += from->wait_ns;
}
