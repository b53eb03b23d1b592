#include "act/measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "act/memory.h"
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

/* The first number of the first line that begins with `name`, UINT64_MAX when there is none ("max", say). */
static uint64_t read_number(const char *path, const char *name, uint64_t unit) {
        FILE *file = fopen(path, "re");
        uint64_t value = UINT64_MAX;
        char line[256];

        while (file && value == UINT64_MAX && fgets(line, sizeof line, file))
                if (strncmp(line, name, strlen(name)) == 0 && sscanf(line + strlen(name), "%" SCNu64, &value) == 1)
                        value *= unit;
        if (file)
                (void)fclose(file);
        return value;
}

/* What the control group (version 2) lets us have; those above it are not looked at. */
static uint64_t group_bytes(void) {
        FILE *file = fopen("/proc/self/cgroup", "re");
        char line[1024], path[1200] = "";
        uint64_t max, current;

        while (file && *path == '\0' && fgets(line, sizeof line, file))
                if (strncmp(line, "0::/", 4) == 0) {
                        line[strcspn(line, "\n")] = '\0';
                        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.", line + 3);
                }
        if (file)
                (void)fclose(file);
        if (*path == '\0')
                return UINT64_MAX;
        (void)snprintf(line, sizeof line, "%.*smax", (int)sizeof line - 16, path);
        max = read_number(line, "", 1);
        (void)snprintf(line, sizeof line, "%.*scurrent", (int)sizeof line - 16, path);
        current = read_number(line, "", 1);
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
