/* The value of [server] cpu-affinity. */
#ifndef RESTMARK_CONFIG_CPU_LIST_H
#define RESTMARK_CONFIG_CPU_LIST_H

#include <stddef.h>

#include "base/error.h"

enum { CPU_LIST_MAX = 256 };

struct cpu_list {
        size_t n; /* 0: workers are not pinned */
        unsigned int at[CPU_LIST_MAX]; /* distinct, in the order that was given */
};

/* "off", "auto" (the CPUs that this process may run on; not more than CPU_LIST_MAX of them), or numbers and ranges, "0-3,6", of such CPUs.
 * Returns 0 or a negative errno value with a sentence. */
int cpu_list_parse(const char *text, struct cpu_list *ret, struct error *e);

#endif
