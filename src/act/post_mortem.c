#include "act/post_mortem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "act/stack.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/small_file.h"
#include "shared/scoreboard.h"
#include "shared/status.h"

/* ---- certificates ---- */

static void fill_from_cells(struct certificate *c, const struct process *p) {
        const struct restmark_memory_cell *memory = &act_cell(p->act, p->slot, p->seat)->memory;
        const struct restmark_worker_cell *cell = process_cell(p);
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

void post_mortem_begin(struct process *p, const siginfo_t *info, const struct rusage *usage, struct life *ret) {
        struct restmark_slot *slot = &p->act->options->board->slots[p->slot];
        struct certificate *c = &p->certificate;

        (void)process_look(p, true);
        *c = (struct certificate){ .pid = p->pid,
                                   .code = info->si_code,
                                   .status = info->si_status,
                                   .killed_by_us = p->killed,
                                   .age_ms = clock_monotonic_ms() - p->started_ms,
                                   .peak_rss_bytes = (uint64_t)usage->ru_maxrss * 1024 };
        fill_from_cells(c, p);
        p->cell = cell_memory_free(p->cell); /* its numbers count as the slot's past from here on */
        ret->code = c->code;
        ret->status = c->status;
        ret->accepted = cell_get(&process_cell(p)->accepted);
        ret->connections = c->connections;
        ret->requests = c->requests = scoreboard_bury(slot, p->seat);
}

static void write_log(const struct process *p, const struct certificate *c, const char *text) {
        char cause[64], route[64], query[SCOREBOARD_QUERY_MAX + 16] = "RESTMARK_QUERY=", *end = query + strlen(query);
        const struct log_field fields[] = {
                { "RESTMARK_SLOT", p->slot },
                { "RESTMARK_GENERATION", p->generation->number },
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
        log_fields(expected ? LOG_INFO : LOG_WARNING, fields, c->working ? n : n - 3, "worker %u (pid %d) %s", p->slot, (int)c->pid, text);
}

void post_mortem_certify(struct process *p, enum restmark_cause cause, bool asked_to_stop) {
        char text[CERTIFICATE_MAX], core_pattern[256] = "";
        struct certificate *c = &p->certificate;

        c->cause = cause;
        c->asked_to_stop = asked_to_stop;
        c->core_pattern = core_pattern;
        p->act->options->board->slots[p->slot].slot.ends[cause]++;
        if (c->code != CLD_EXITED && c->status == SIGKILL && !c->killed_by_us)
                c->oom = oom_look(&p->act->oom);
        if (c->code == CLD_DUMPED)
                (void)small_file_read("/proc/sys/kernel/core_pattern", core_pattern, sizeof core_pattern);
        (void)certificate_write(c, text, sizeof text);
        write_log(p, c, text);
        events_add(p->act->events, EVENT_DEATH, (int)p->slot, "pid %d %s", (int)c->pid, text);
        *c = (struct certificate){ .pid = 0 };
        process_forget(p);
}

/* ---- workers that are stuck, or no workers any more ---- */

/* "R", "T" …, see proc(5); "?" if it cannot be read. */
static char process_state(pid_t pid) {
        char path[48], text[2048], *name_end;

        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        (void)small_file_read(path, text, sizeof text);
        name_end = strrchr(text, ')');
        return name_end && name_end[1] == ' ' ? name_end[2] : '?';
}

static const char *state_text(char state) {
        switch (state) {
        case 'R':
                return "it runs";
        case 'S':
                return "it sleeps";
        case 'D':
                return "it waits in the kernel";
        case 'T':
                return "it is stopped by a signal";
        case 't':
                return "it is stopped by a debugger";
        default:
                return "its state is not known";
        }
}

static void log_stack(const struct process *p) {
        const struct restmark_worker_cell *cell = process_cell(p);
        uint64_t depth = atomic_load_explicit(&cell->stack_depth, memory_order_acquire);
        char name[STACK_NAME_MAX];

        if (depth == 0)
                log_message(LOG_WARNING, "worker %u (pid %d) does not show its stack: it does not run, or not in a program", p->slot, (int)p->pid);
        for (uint64_t i = 0; i < depth && i < RESTMARK_STACK_MAX; i++)
                log_message(LOG_WARNING, "worker %u (pid %d) stack #%u %s", p->slot, (int)p->pid, (unsigned int)i,
                            stack_name(cell_get(&cell->stack[i]), name));
}

static int on_trace_time(sd_event_source *source, uint64_t usec, void *context) {
        struct process *p = context;

        (void)usec;
        p->trace_left_ms -= POST_MORTEM_TRACE_LOOK_MS;
        (void)process_look(p, true);
        if (p->trace_left_ms > 0 && cell_get(&process_cell(p)->stack_depth) == 0 &&
            sd_event_source_set_time_relative(source, POST_MORTEM_TRACE_LOOK_MS * 1000) >= 0 &&
            sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
                return 0;
        log_stack(p);
        process_kill(p);
        return 0;
}

/* Asks for the stack, and kills when it is there, or its time is over. It is restarted like one that has crashed. */
static void trace(struct process *p) {
        p->trace_left_ms = POST_MORTEM_TRACE_MS;
        if (p->act->fleet->seats[p->slot][p->seat].traces && kill(p->pid, HERITAGE_TRACE_SIGNAL) == 0 &&
            sd_event_add_time_relative(p->act->event, &p->trace_timer, CLOCK_MONOTONIC, POST_MORTEM_TRACE_LOOK_MS * 1000, 1000, on_trace_time, p) >= 0)
                return;
        process_kill(p);
}

void post_mortem_trace(struct process *p, enum restmark_cause cause, uint64_t ms) {
        double harakiri_s = (double)p->act->generation->config->harakiri_ms / 1000;
        enum event_kind kind = cause == RESTMARK_CAUSE_HARAKIRI ? EVENT_HARAKIRI : EVENT_WEDGED;
        const char *state = state_text(process_state(p->pid));
        char query[SCOREBOARD_QUERY_MAX], text[256];
        struct scoreboard_work work;

        if (cause == RESTMARK_CAUSE_HARAKIRI && scoreboard_read_work(process_cell(p), &work))
                (void)snprintf(text, sizeof text, "%s%s runs for %.3f s ([workers] harakiri is %.3f s); %s", certificate_path(work.route),
                               scoreboard_format_query(&work, query), (double)ms / 1000, harakiri_s, state);
        else
                (void)snprintf(text, sizeof text, "no sign of life for %.3f s, and no request is in work ([workers] harakiri); %s", (double)ms / 1000,
                               state);
        log_message(LOG_ERR, "worker %u (pid %d) is killed: %s", p->slot, (int)p->pid, text);
        events_add(p->act->events, kind, (int)p->slot, "pid %d is killed: %s", (int)p->pid, text);
        trace(p);
}

void post_mortem_condemn(struct process *p, const char *why) {
        log_message(LOG_ERR, "worker %u (pid %d) is killed: it %s", p->slot, (int)p->pid, why);
        events_add(p->act->events, EVENT_UNTRUSTED, (int)p->slot, "pid %d is killed: it %s", (int)p->pid, why);
        process_kill(p);
}

void post_mortem_respond(struct process *p, bool responds, uint64_t ms) {
        const char *state;

        cell_set(&act_cell(p->act, p->slot, p->seat)->unresponsive_since_ms, responds ? 0 : clock_realtime_ms() - ms);
        if (responds) {
                log_message(LOG_NOTICE, "worker %u (pid %d) responds again", p->slot, (int)p->pid);
                events_add(p->act->events, EVENT_RESPONSE, (int)p->slot, "pid %d responds again", (int)p->pid);
                return;
        }
        state = state_text(process_state(p->pid));
        log_message(LOG_WARNING, "worker %u (pid %d) does not respond: no sign of life for %.3f s; %s. It gets no connections until it does", p->slot,
                    (int)p->pid, (double)ms / 1000, state);
        events_add(p->act->events, EVENT_RESPONSE, (int)p->slot, "pid %d does not respond: no sign of life for %.3f s; %s", (int)p->pid,
                   (double)ms / 1000, state);
}
