#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/small_file.h"
#include "master/certificate.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"
#include "shared/status.h"

static void fill_from_cell(struct certificate *c, const struct child *child, const struct restmark_worker_cell *cell) {
        const struct restmark_memory_cell *memory = &child_cell(child)->memory;
        uint64_t now_ms = clock_monotonic_ms(), sampled_ms = cell_get(&memory->sampled_ms);

        c->connections = cell_get(&cell->connections);
        c->working = scoreboard_read_work(cell, &c->work);
        if (c->working)
                c->work_ms = now_ms - c->work.since_ms;
        if (sampled_ms == 0)
                return;
        c->rss_bytes = cell_get(&memory->rss_bytes);
        c->pss_bytes = cell_get(&memory->pss_bytes);
        c->sampled_ago_ms = now_ms - sampled_ms;
}

static void write_log(const struct child *child, const struct certificate *c, const char *text) {
        char cause[64], route[64], query[SCOREBOARD_QUERY_MAX + 16] = "RESTMARK_QUERY=", *end = query + strlen(query);
        const struct log_field fields[] = {
                { "RESTMARK_SLOT", child->index },
                { "RESTMARK_GENERATION", child->generation->number },
                { "RESTMARK_WORKER_PID", c->pid },
                { c->code == CLD_EXITED ? "RESTMARK_EXIT_CODE" : "RESTMARK_SIGNAL", c->status },
                { "RESTMARK_AGE_MS", (long long)c->age_ms },
                { "RESTMARK_REQUESTS", (long long)c->requests },
                { cause, 0 },
                { "RESTMARK_PEAK_RSS_BYTES", (long long)c->peak_rss_bytes },
                { "RESTMARK_CONNECTIONS_RESET", (long long)c->connections },
                { route, 0 }, /* from here on only if a request was in work */
                { query, 0 },
                { "RESTMARK_WORK_MS", (long long)c->work_ms },
        };
        size_t n = sizeof fields / sizeof *fields;
        bool expected = c->asked_to_stop || (c->code == CLD_EXITED && c->status == 0);

        (void)snprintf(cause, sizeof cause, "RESTMARK_CAUSE=%s", status_cause_name(c->cause));
        (void)snprintf(route, sizeof route, "RESTMARK_ROUTE=%s", certificate_path(c->work.route));
        if (c->working)
                (void)scoreboard_format_query(&c->work, end);
        log_fields(expected ? LOG_INFO : LOG_WARNING, fields, c->working ? n : n - 3, "worker %u (pid %d) %s", child->index, (int)c->pid, text);
}

void death_report(struct child *child, const siginfo_t *info, const struct rusage *usage, struct child_account *had) {
        struct supervisor *s = child->supervisor;
        struct restmark_slot *slot = &s->options->board->slots[child->index];
        const struct restmark_worker_cell *cell = cells_look(child);
        char text[CERTIFICATE_MAX], core_pattern[256] = "";
        struct certificate c = { .pid = child->pid,
                                 .code = info->si_code,
                                 .status = info->si_status,
                                 .cause = child->cause,
                                 .killed_by_us = child->killed,
                                 .asked_to_stop = child->slot.stopping,
                                 .age_ms = clock_monotonic_ms() - child->started_ms,
                                 .peak_rss_bytes = (uint64_t)usage->ru_maxrss * 1024,
                                 .core_pattern = core_pattern };

        fill_from_cell(&c, child, cell);
        child->cell = cell_memory_free(child->cell); /* its numbers count as the slot's past from here on */
        *had = (struct child_account){ .accepted = cell_get(&cell->accepted), .connections = c.connections };
        had->requests = c.requests = scoreboard_bury(slot, child->seat);
        slot->slot.ends[c.cause]++;
        if (info->si_code != CLD_EXITED && info->si_status == SIGKILL && !c.killed_by_us)
                c.oom = oom_look(&s->oom);
        if (info->si_code == CLD_DUMPED)
                (void)small_file_read("/proc/sys/kernel/core_pattern", core_pattern, sizeof core_pattern);
        (void)certificate_write(&c, text, sizeof text);
        write_log(child, &c, text);
        events_add(s->events, EVENT_DEATH, (int)child->index, "pid %d %s", (int)c.pid, text);
}
