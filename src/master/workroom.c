#include "master/workroom.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/small_file.h"
#include "master/memory.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"

enum { NOT_KNOWN_BYTES = 4 << 20 }; /* a worker's own memory, if none can be looked at */

/* The largest share that a worker has for itself: the next one may come to that too. */
static uint64_t worker_bytes(struct supervisor *s) {
        uint64_t most = 0;

        for (unsigned int i = 0; i < s->n_workers; i++) {
                struct restmark_seat_cell *cell = child_cell(child_primary(s, i));

                memory_refresh_seat(cell, MEMORY_FRESH_MS);
                if (cell->pid && cell_get(&cell->memory.sampled_ms) != 0 && cell_get(&cell->memory.uss_bytes) > most)
                        most = cell_get(&cell->memory.uss_bytes);
        }
        return most > 0 ? most : NOT_KNOWN_BYTES;
}

/* UINT64_MAX when there is none ("max", say). */
static uint64_t read_number(const char *path, const char *name, uint64_t unit) {
        uint64_t value;

        return small_file_number(path, name, &value) == 0 ? value * unit : UINT64_MAX;
}

/* What the control group (version 2) lets us have; those above it are not looked at. */
static uint64_t group_bytes(void) {
        char groups[SMALL_FILE_MAX], path[SMALL_FILE_MAX];
        const char *group = small_file_read("/proc/self/cgroup", groups, sizeof groups) == 0 ? small_file_line(groups, "0::/") : NULL;
        int length = group ? (int)strcspn(group, "\n") : 0;
        uint64_t max, current;

        if (!group || snprintf(path, sizeof path, "/sys/fs/cgroup/%.*s/memory.current", length, group) >= (int)sizeof path)
                return UINT64_MAX;
        current = read_number(path, "", 1);
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%.*s/memory.max", length, group);
        max = read_number(path, "", 1);
        if (max == UINT64_MAX || current == UINT64_MAX)
                return UINT64_MAX;
        return max > current ? max - current : 0;
}

int workroom_check(struct supervisor *s, unsigned int n_more, struct error *e) {
        uint64_t each = worker_bytes(s), needed = each * n_more, machine = read_number("/proc/meminfo", "MemAvailable:", 1024);
        uint64_t group = group_bytes(), available = machine < group ? machine : group;

        if (needed <= available)
                return 0;
        return error_set(e, -ENOMEM, "%u more worker%s may take %" PRIu64 " MiB (%" PRIu64 " KiB each), but %s has %" PRIu64 " MiB left", n_more,
                         n_more == 1 ? "" : "s", needed >> 20, each >> 10, machine < group ? "this machine" : "the control group",
                         available >> 20);
}
