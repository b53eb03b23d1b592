/* How much CPU time control groups leave to this process: the tightest quota of its own group and all above it, of version 1 and 2. */
#ifndef RESTMARK_CONFIG_CPU_QUOTA_H
#define RESTMARK_CONFIG_CPU_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum { CPU_QUOTA_PATH_MAX = 1024 };

struct cpu_quota {
        uint64_t quota_us, period_us;     /* so much CPU time in each period */
        char group[CPU_QUOTA_PATH_MAX];   /* the directory that has it */
};

/* Returns whether there is a quota. `root` is put before all paths: "" for this machine. What cannot be read or understood limits
 * nothing. */
bool cpu_quota_find(const char *root, struct cpu_quota *ret);

/* How many CPUs it is worth, rounded up: 1 at least. */
uint64_t cpu_quota_ceil(const struct cpu_quota *quota);

#endif
