/* The CPU time that a process has used. */
#ifndef RESTMARK_BASE_PROCESS_CPU_H
#define RESTMARK_BASE_PROCESS_CPU_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* User and system time of all its threads; any process may ask for any other's. Returns 0, or -1 when there is no such process. */
static inline int process_cpu_ns(pid_t pid, uint64_t *ret) {
        struct timespec used;
        clockid_t clock;

        if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
                return -1;
        *ret = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
        return 0;
}

#endif
