#include "config/cpu_list.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"

static int add(struct cpu_list *list, unsigned int cpu, const cpu_set_t *allowed, struct error *e) {
        if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, allowed))
                return error_set(e, -EINVAL, "this process may not run on CPU %u: `taskset -cp $$` lists those that it may", cpu);
        for (size_t i = 0; i < list->n; i++)
                if (list->at[i] == cpu)
                        return error_set(e, -EINVAL, "CPU %u is given twice", cpu);
        if (list->n == CPU_LIST_MAX)
                return error_set(e, -E2BIG, "more than %d CPUs", CPU_LIST_MAX);
        list->at[list->n++] = cpu;
        return 0;
}

/* "3" or "0-3", `length` bytes. */
static int add_range(struct cpu_list *list, const char *text, size_t length, const cpu_set_t *allowed, struct error *e) {
        const char *dash = memchr(text, '-', length);
        size_t first_length = dash ? (size_t)(dash - text) : length;
        uint64_t first, last;
        int r = 0;

        if (number_parse(text, first_length, &first) < 0 ||
            (dash && number_parse(dash + 1, length - first_length - 1, &last) < 0))
                return error_set(e, -EINVAL, "\"%.*s\" is no CPU: write off, auto, or numbers such as 0-3,6", (int)length, text);
        if (!dash)
                last = first;
        if (first > last || last > CPU_SETSIZE)
                return error_set(e, -EINVAL, "\"%.*s\" is no range of CPUs", (int)length, text);
        for (uint64_t cpu = first; r == 0 && cpu <= last; cpu++)
                r = add(list, (unsigned int)cpu, allowed, e);
        return r;
}

int cpu_list_parse(const char *text, struct cpu_list *ret, struct error *e) {
        struct cpu_list list = { .n = 0 };
        cpu_set_t allowed;
        int r = 0;

        if (strcmp(text, "off") == 0) {
                *ret = list;
                return 0;
        }
        CPU_ZERO(&allowed);
        if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
                return error_set_errno(e, errno, "cannot ask for this machine's CPUs");
        if (strcmp(text, "auto") == 0) {
                for (unsigned int cpu = 0; cpu < CPU_SETSIZE && list.n < CPU_LIST_MAX; cpu++)
                        if (CPU_ISSET(cpu, &allowed))
                                list.at[list.n++] = cpu;
                *ret = list;
                return 0;
        }
        for (bool more = true; r == 0 && more;) {
                size_t length = strcspn(text, ",");

                more = text[length] == ',';
                r = add_range(&list, text, length, &allowed, e);
                text += length + more;
        }
        if (r == 0)
                *ret = list;
        return r;
}
