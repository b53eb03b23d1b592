#include "master/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/small_file.h"
#include "master/certificate.h"
#include "master/memory.h"
#include "master/notify.h"
#include "master/recycle.h"
#include "master/stack.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"
#include "shared/status.h"

struct health {
        struct supervisor *s;
        sd_event_source *timer;    /* of the rounds */
        uint64_t interval_ms;
        uint64_t round_ms;         /* when the last one was; monotonic */
        uint64_t excused_ms;       /* until when standing still has been excused */
        sd_event_source *watchdog; /* NULL: systemd has none */
        uint64_t watchdog_ms;      /* its interval */
        uint64_t fed_ms;           /* when that was last due, or later */
        bool complained;           /* about the quorum */
};

static bool is_watched(const struct child *child) {
        return child->slot.state == RESTMARK_SLOT_READY || child->slot.state == RESTMARK_SLOT_DRAINING;
}

/* ---- the end of a worker that is stuck ---- */

static void log_stack(struct child *child) {
        const struct restmark_worker_cell *cell = cells_look(child);
        uint64_t depth = atomic_load_explicit(&cell->stack_depth, memory_order_acquire);
        char name[STACK_NAME_MAX];

        if (depth == 0)
                log_message(LOG_WARNING, "worker %u (pid %d) does not show its stack: it does not run, or not in a program", child->index,
                            (int)child->pid);
        for (uint64_t i = 0; i < depth && i < RESTMARK_STACK_MAX; i++)
                log_message(LOG_WARNING, "worker %u (pid %d) stack #%u %s", child->index, (int)child->pid, (unsigned int)i,
                            stack_name(cell_get(&cell->stack[i]), name));
}

/* It is restarted like one that has crashed. */
static void kill_now(struct child *child) {
        child->killed = true;
        if (kill(child->pid, SIGKILL) < 0)
                log_message(LOG_WARNING, "cannot kill process %d: %m", (int)child->pid);
}

static int on_trace_time(sd_event_source *source, uint64_t usec, void *context) {
        struct child *child = context;

        (void)usec;
        child->trace_left_ms -= HEALTH_TRACE_LOOK_MS;
        if (child->trace_left_ms > 0 && cell_get(&cells_look(child)->stack_depth) == 0 &&
            sd_event_source_set_time_relative(source, HEALTH_TRACE_LOOK_MS * 1000) >= 0 &&
            sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
                return 0;
        log_stack(child);
        kill_now(child);
        return 0;
}

/* Asks for the stack, and kills when it is there, or its time is over. */
static void doom(struct child *child, enum restmark_cause cause) {
        child_blame(child, cause);
        child->doomed = true;
        child->trace_left_ms = HEALTH_TRACE_MS;
        supervisor_report(child->supervisor); /* it gets no more connections, and others serve its queue */
        if (child->traces && kill(child->pid, HERITAGE_TRACE_SIGNAL) == 0 &&
            sd_event_add_time_relative(child->supervisor->event, &child->trace_timer, CLOCK_MONOTONIC, HEALTH_TRACE_LOOK_MS * 1000, 1000,
                                       on_trace_time, child) >= 0)
                return;
        kill_now(child);
}

void health_condemn(struct child *child, const char *why) {
        if (child->doomed || child->killed)
                return;
        log_message(LOG_ERR, "worker %u (pid %d) is killed: it %s", child->index, (int)child->pid, why);
        events_add(child->supervisor->events, EVENT_UNTRUSTED, (int)child->index, "pid %d is killed: it %s", (int)child->pid, why);
        child->doomed = true;
        kill_now(child);
        supervisor_report(child->supervisor);
}

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

static void judge(struct child *child, uint64_t harakiri_ms, uint64_t now_ms) {
        struct scoreboard_work work;
        enum vital_verdict verdict = vital_judge(&child->vital, harakiri_ms, now_ms);
        char query[SCOREBOARD_QUERY_MAX], text[256];
        const char *state;

        if (verdict == VITAL_WELL)
                return;
        state = state_text(process_state(child->pid));
        if (verdict == VITAL_HARAKIRI) {
                if (!scoreboard_read_work(cells_look(child), &work) || work.since_ms != child->vital.working_since_ms)
                        return; /* it has ended this very moment */
                (void)snprintf(text, sizeof text, "%s%s runs for %.3f s ([workers] harakiri is %.3f s); %s", certificate_path(work.route),
                               scoreboard_format_query(&work, query), (double)(now_ms - work.since_ms) / 1000, (double)harakiri_ms / 1000, state);
                log_message(LOG_ERR, "worker %u (pid %d) is killed: %s", child->index, (int)child->pid, text);
                events_add(child->supervisor->events, EVENT_HARAKIRI, (int)child->index, "pid %d is killed: %s", (int)child->pid, text);
                doom(child, RESTMARK_CAUSE_HARAKIRI);
        } else {
                (void)snprintf(text, sizeof text, "no sign of life for %.3f s, and no request is in work ([workers] harakiri); %s",
                               (double)(now_ms - child->vital.moved_ms) / 1000, state);
                log_message(LOG_ERR, "worker %u (pid %d) is killed: %s", child->index, (int)child->pid, text);
                events_add(child->supervisor->events, EVENT_WEDGED, (int)child->index, "pid %d is killed: %s", (int)child->pid, text);
                doom(child, RESTMARK_CAUSE_WEDGED);
        }
}

/* ---- who responds ---- */

/* A worker that does not is left alone: it may be stopped by a debugger, or at work. But nobody new waits for it. Returns whether that
 * has changed. */
static bool watch_response(struct child *child, bool moved, uint64_t now_ms) {
        bool silent = child->unresponsive ? !moved : vital_is_silent(&child->vital, now_ms);
        uint64_t silence_ms = now_ms - child->vital.moved_ms;
        struct supervisor *s = child->supervisor;
        const char *state;

        if (silent == child->unresponsive)
                return false;
        child->unresponsive = silent;
        cell_set(&child_cell(child)->unresponsive_since_ms, silent ? clock_realtime_ms() - silence_ms : 0);
        if (!silent) {
                log_message(LOG_NOTICE, "worker %u (pid %d) responds again", child->index, (int)child->pid);
                events_add(s->events, EVENT_RESPONSE, (int)child->index, "pid %d responds again", (int)child->pid);
                return true;
        }
        state = state_text(process_state(child->pid));
        log_message(LOG_WARNING, "worker %u (pid %d) does not respond: no sign of life for %.3f s; %s. It gets no connections until it does", child->index,
                    (int)child->pid, (double)silence_ms / 1000, state);
        events_add(s->events, EVENT_RESPONSE, (int)child->index, "pid %d does not respond: no sign of life for %.3f s; %s", (int)child->pid,
                   (double)silence_ms / 1000, state);
        return true;
}

/* What a worker that is no enemy never does. */
static bool distrust(struct child *child, uint64_t now_ms) {
        if (child->lies)
                health_condemn(child, "says of itself, in shared memory, what cannot be: its memory is damaged");
        else if (child->deaf_ms != 0 && now_ms > child->deaf_ms + HEALTH_DEAF_MS)
                health_condemn(child, "has closed its link to the master and lives on");
        return child->doomed;
}

/* ---- recycling ---- */

static void recycle(struct child *child, const struct config *config, uint64_t now_ms) {
        struct restmark_memory_cell *memory = &child_cell(child)->memory;
        struct recycle_facts facts = { .requests = child->vital.requests, .age_ms = now_ms - child->started_ms, .dice = child->dice };
        struct supervisor *s = child->supervisor;
        enum restmark_cause why;
        char text[160];

        if (recycle_needs_memory(config)) {
                memory_refresh_seat(child_cell(child), RECYCLE_MEMORY_MS);
                if (cell_get(&memory->sampled_ms) != 0) {
                        facts.rss_bytes = cell_get(&memory->rss_bytes);
                        facts.pss_bytes = cell_get(&memory->pss_bytes);
                }
        }
        if (!recycle_due(config, &facts, &why) || !replace_request(s->replace, child->index, why, NULL, NULL))
                return;
        (void)snprintf(text, sizeof text, "%s, after %.1f s and %llu requests, RSS %.1f MiB, PSS %.1f MiB", status_cause_name(why),
                       (double)facts.age_ms / 1000, (unsigned long long)facts.requests, (double)facts.rss_bytes / (1 << 20),
                       (double)facts.pss_bytes / (1 << 20));
        log_message(LOG_INFO, "worker %u (pid %d) is to be recycled: %s", child->index, (int)child->pid, text);
        events_add(s->events, EVENT_RECYCLE, (int)child->index, "pid %d: %s", (int)child->pid, text);
}

/* ---- rounds ---- */

/* A master that wakes up too late may have slept with all the others (a frozen machine), who have not had the time that the clock says. Returns
 * whether it did: then nobody is judged before the next time. */
static bool excuse(struct health *h, uint64_t due_ms, uint64_t now_ms) {
        uint64_t still_ms = vital_stood_still_ms(due_ms > h->excused_ms ? due_ms : h->excused_ms, now_ms);

        if (still_ms == 0)
                return false;
        h->excused_ms = now_ms;
        for (unsigned int i = 0; i < h->s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        struct child *child = &h->s->children[i][seat];

                        if (child->pid == 0)
                                continue;
                        vital_look(&child->vital, cells_look(child), now_ms);
                        vital_excuse(&child->vital, still_ms, now_ms);
                }
        return true;
}

/* `late`: see excuse(). Returns whether the worker has begun or ceased to respond. */
static bool look_at(struct health *h, struct child *child, bool late, uint64_t now_ms) {
        const struct config *config = h->s->generation->config;
        uint64_t moved_ms = child->vital.moved_ms;
        bool changed = false;

        if (child->pid == 0 || child->doomed)
                return false;
        vital_look(&child->vital, cells_look(child), now_ms);
        if (distrust(child, now_ms) || !is_watched(child))
                return false;
        if (!late)
                judge(child, config->harakiri_ms, now_ms);
        if (!child->doomed)
                changed = watch_response(child, !late && child->vital.moved_ms != moved_ms, now_ms);
        if (!child->doomed && !h->s->stopping && child->index < h->s->n_workers && child == child_primary(h->s, child->index) &&
            child->slot.state == RESTMARK_SLOT_READY)
                recycle(child, config, now_ms);
        return changed;
}

static int on_round(sd_event_source *source, uint64_t usec, void *context) {
        struct health *h = context;
        uint64_t now_ms = clock_monotonic_ms();
        bool late = excuse(h, h->round_ms + h->interval_ms, now_ms), changed = false;
        int r;

        (void)usec;
        for (unsigned int i = 0; i < h->s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        changed |= look_at(h, &h->s->children[i][seat], late, now_ms);
        if (changed)
                supervisor_report(h->s); /* others get its connections, or it gets some again */
        replace_run(h->s->replace); /* what was put off after a failure may be due */
        h->round_ms = now_ms;
        r = sd_event_source_set_time_relative(source, h->interval_ms * 1000);
        if (r >= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (r < 0)
                log_message(LOG_ERR, "nobody watches over the workers any more: %s", strerror(-r));
        return 0;
}

void health_configure(struct health *h) {
        const struct config *config = h->s->generation->config;
        uint64_t vital_ms = vital_interval_ms(config->harakiri_ms), recycle_ms = recycle_interval_ms(config);
        int r;

        h->interval_ms = recycle_ms != 0 && recycle_ms < vital_ms ? recycle_ms : vital_ms;
        h->round_ms = clock_monotonic_ms();
        h->timer = sd_event_source_unref(h->timer);
        for (unsigned int i = 0; i < h->s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        h->s->children[i][seat].vital.moved_ms = h->round_ms;
        r = sd_event_add_time_relative(h->s->event, &h->timer, CLOCK_MONOTONIC, h->interval_ms * 1000, 10000, on_round, h);
        if (r < 0)
                log_message(LOG_ERR, "nobody watches over the workers: %s", strerror(-r));
}

/* ---- the watchdog ---- */

static bool is_alive(struct health *h, struct child *child, uint64_t now_ms) {
        uint64_t patience_ms = h->watchdog_ms > VITAL_SILENCE_MIN_MS ? h->watchdog_ms : VITAL_SILENCE_MIN_MS;

        if (child->slot.state != RESTMARK_SLOT_READY || child->on_probation)
                return false;
        vital_look(&child->vital, cells_look(child), now_ms);
        return now_ms < child->vital.moved_ms + patience_ms;
}

static struct quorum count(struct health *h) {
        uint64_t now_ms = clock_monotonic_ms();
        struct quorum quorum = { 0 };

        for (unsigned int i = 0; i < h->s->n_workers; i++) {
                struct child *primary = child_primary(h->s, i);

                if (is_alive(h, primary, now_ms) || is_alive(h, child_beside(h->s, i), now_ms))
                        quorum.alive++;
                else if (primary->slot.state == RESTMARK_SLOT_STARTING && primary->slot.failures == 0 && !slot_is_in_crash_loop(&primary->slot))
                        quorum.awaited++;
                else
                        quorum.dead++;
        }
        return quorum;
}

/* While the daemon starts or stops, systemd has other deadlines for it. */
static void feed(struct health *h) {
        struct quorum quorum = count(h);
        bool holds = h->s->stopping || !h->s->was_ready || quorum_holds(&quorum);

        if (holds)
                notify_watchdog();
        if (holds == h->complained)
                log_message(holds ? LOG_NOTICE : LOG_ERR, "watchdog: of %u slots %u have a worker that is alive; systemd is %s",
                            quorum.alive + quorum.awaited + quorum.dead, quorum.alive, holds ? "told again that all is well" : "not told that all is well");
        h->complained = !holds;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *context) {
        struct health *h = context;
        uint64_t now_ms = clock_monotonic_ms();
        int r;

        (void)usec;
        (void)excuse(h, h->fed_ms + h->watchdog_ms / 2, now_ms);
        h->fed_ms = now_ms;
        feed(h);
        r = sd_event_source_set_time_relative(source, h->watchdog_ms * 500);
        if (r >= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (r < 0)
                log_message(LOG_ERR, "the watchdog is not fed any more: %s", strerror(-r));
        return 0;
}

/* ---- the whole ---- */

int health_new(struct supervisor *s, struct health **ret, struct error *e) {
        struct health *h = calloc(1, sizeof *h);
        int r = 0;

        if (!h)
                return error_set_errno(e, ENOMEM, "cannot watch over the workers");
        h->s = s;
        h->watchdog_ms = notify_watchdog_ms();
        h->fed_ms = clock_monotonic_ms();
        /* After an upgrade at once: since the program before has said it last, half an interval may have passed. */
        if (h->watchdog_ms > 0)
                r = sd_event_add_time_relative(s->event, &h->watchdog, CLOCK_MONOTONIC, s->options->handover ? 0 : h->watchdog_ms * 500, 10000,
                                               on_watchdog, h);
        if (r < 0) {
                (void)health_free(h);
                return error_set_errno(e, -r, "cannot feed the watchdog");
        }
        health_configure(h);
        *ret = h;
        return 0;
}

struct health *health_free(struct health *h) {
        if (!h)
                return NULL;
        sd_event_source_unref(h->timer);
        sd_event_source_unref(h->watchdog);
        free(h);
        return NULL;
}
