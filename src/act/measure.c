#include "act/measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "act/memory.h"
#include "base/small_file.h"
#include "shared/scoreboard.h"

enum { NOT_KNOWN_BYTES = 4 << 20 }; /* a worker's own memory, if none can be looked at */

/* The largest share that a worker has for itself: the next one may come to that too. */
static uint64_t worker_bytes(const struct act *act) {
        uint64_t most = 0;

        for (unsigned int i = 0; i < act->fleet->n_workers; i++) {
                struct restmark_seat_cell *cell = act_cell(act, i, fleet_own(act->fleet, i));

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

static int measure_room(const struct act *act, unsigned int n_more, struct error *e) {
        uint64_t each = worker_bytes(act), needed = each * n_more, machine = read_number("/proc/meminfo", "MemAvailable:", 1024);
        uint64_t group = group_bytes(), available = machine < group ? machine : group;

        if (needed <= available)
                return 0;
        return error_set(e, -ENOMEM, "%u more worker%s may take %" PRIu64 " MiB (%" PRIu64 " KiB each), but %s has %" PRIu64 " MiB left", n_more,
                         n_more == 1 ? "" : "s", needed >> 20, each >> 10, machine < group ? "this machine" : "the control group",
                         available >> 20);
}

void measure_report(const struct act *act, const struct happening *answer) {
        const struct generation_source *source = &act->options->source;
        unsigned int n = (unsigned int)answer->number;
        struct happening h = *answer;
        struct error e;
        int r = source->budget(source->context, act->generation->config, n, &e);

        if (r == 0)
                r = measure_room(act, n - act->fleet->n_workers, &e);
        h.text = r < 0 ? e.text : NULL;
        happenings_push(act->queue, &h);
}
