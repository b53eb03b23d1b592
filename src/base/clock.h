/* The two clocks in use: monotonic for durations and deadlines, real time for what people read. */
#ifndef RESTMARK_BASE_CLOCK_H
#define RESTMARK_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t which) {
        struct timespec now;

        /* Cannot fail with a valid clock and a valid pointer. */
        (void)clock_gettime(which, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_monotonic_ns(void) {
        return clock_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_monotonic_ms(void) {
        return clock_monotonic_ns() / 1000000u;
}

static inline uint64_t clock_realtime_ns(void) {
        return clock_ns(CLOCK_REALTIME);
}

static inline uint64_t clock_realtime_ms(void) {
        return clock_ns(CLOCK_REALTIME) / 1000000u;
}

#endif
