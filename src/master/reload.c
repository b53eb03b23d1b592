#include "master/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/canary.h"
#include "act/notify.h"
#include "act/preflight.h"
#include "base/clock.h"
#include "base/log.h"
#include "master/bulletin.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"

enum stage {
        STAGE_IDLE,
        STAGE_WAIT,    /* for a slot whose other seat is free for the canary */
        STAGE_CANARY,  /* the canary starts or is examined; everything is as it was */
        STAGE_ROLL,    /* workers are replaced, one slot after another */
        STAGE_DRAIN,   /* all slots have new workers, old ones finish */
};

/* What became of the connections and requests of the workers that were replaced. */
struct tally {
        unsigned int workers, killed;
        uint64_t accepted, requests, reset;
};

struct reload {
        struct supervisor *s;
        enum stage stage;
        bool is_upgrade;         /* `next` is there already; upgrade.c hears of the end */
        bool stuck;              /* a slot could not be rolled over; `text` is the reply */
        bool due;                /* the next reload begins from the loop, when who asked for it has its ticket */
        uint64_t ticket;         /* of the reload that runs or ran last */
        uint64_t wanted;         /* the newest one that was asked for */
        struct generation *next; /* until it is the current one */
        struct canary *canary;
        sd_event_source *deadline; /* of the canary's start; `canary` has its own, which ends at the same time */
        unsigned int slot;       /* of the canary */
        unsigned int old_number; /* of the generation that is replaced */
        uint64_t started_ms;     /* monotonic */
        struct tally tally;
        char text[800]; /* why the canary failed; "" for not yet */
};

static void schedule(struct reload *r);
static void start_canary(struct reload *r);

struct reload *reload_new(struct supervisor *s) {
        struct reload *r = calloc(1, sizeof *r);

        if (r)
                r->s = s;
        return r;
}

struct reload *reload_free(struct reload *r) {
        if (!r)
                return NULL;
        (void)canary_free(r->canary);
        (void)generation_unref(r->next);
        sd_event_source_unref(r->deadline);
        free(r);
        return NULL;
}

bool reload_has_more(const struct reload *r) {
        return r->wanted > r->ticket;
}

bool reload_runs(const struct reload *r) {
        return r->stage != STAGE_IDLE || r->due;
}

bool reload_examines(const struct reload *r) {
        return r->stage == STAGE_WAIT || r->stage == STAGE_CANARY;
}

uint64_t reload_request(struct reload *r) {
        uint64_t ticket = ++r->wanted;

        if (r->stage == STAGE_IDLE)
                schedule(r);
        else
                log_message(LOG_NOTICE, "another reload runs; this one follows it");
        return ticket;
}

void reload_upgrade(struct reload *r, struct generation *next) {
        r->is_upgrade = true;
        r->next = next;
        (void)reload_request(r);
}

/* ---- the end of a reload ---- */

static void end(struct reload *r, bool ok, const char *reply) {
        struct supervisor *s = r->s;
        bool is_upgrade = r->is_upgrade;

        cell_add(ok ? &s->options->board->reloads_ok : &s->options->board->reloads_failed, 1);
        r->stage = STAGE_IDLE;
        r->is_upgrade = false;
        r->deadline = sd_event_source_unref(r->deadline);
        r->canary = canary_free(r->canary);
        r->next = generation_unref(r->next);
        if (s->options->control)
                control_finish(s->options->control, (struct control_ticket){ CONTROL_TOPIC_RELOAD, r->ticket }, ok, reply);
        if (is_upgrade)
                upgrade_finish(s->upgrade, ok, reply);
        if (s->stopping)
                return;
        bulletin_ready(s->bulletin);
        if (r->wanted > r->ticket)
                schedule(r);
        else
                replace_run(s->replace); /* what has waited for the end of the examination */
        supervisor_report(s);
}

static void fail(struct reload *r, const char *why) {
        char reply[1024];

        if (r->is_upgrade)
                upgrade_return(r->s->upgrade, why); /* or else what follows is true */
        (void)snprintf(reply, sizeof reply, "%s\nnothing has changed: generation %u goes on", why, r->s->generation->number);
        log_message(LOG_ERR, "reload failed: %s; generation %u goes on", why, r->s->generation->number);
        events_add(r->s->events, EVENT_RELOAD_FAILED, -1, "%s; generation %u goes on", why, r->s->generation->number);
        end(r, false, reply);
}

static void succeed(struct reload *r) {
        const struct supervisor *s = r->s;
        const struct tally *t = &r->tally;
        uint64_t took_ms = clock_monotonic_ms() - r->started_ms;
        char pending[256], reply[1024];

        config_pending(s->options->boot, s->generation->config, pending, sizeof pending);
        (void)snprintf(reply, sizeof reply,
                       "generation %u serves with %u worker%s, after %.1f s\n"
                       "generation %u has ended: %u worker%s, %llu connections accepted, %llu requests completed, %llu connections reset, "
                       "%u worker%s killed%s%s",
                       s->generation->number, s->n_workers, s->n_workers == 1 ? "" : "s", (double)took_ms / 1000,
                       r->old_number, t->workers, t->workers == 1 ? "" : "s", (unsigned long long)t->accepted,
                       (unsigned long long)t->requests, (unsigned long long)t->reset, t->killed, t->killed == 1 ? "" : "s",
                       *pending ? "\nnot applied, as it takes a restart: " : "", pending);
        log_message(LOG_NOTICE, "reloaded: generation %u has replaced %u in %.1f s; %llu connections were reset, %u workers killed",
                    s->generation->number, r->old_number, (double)took_ms / 1000, (unsigned long long)t->reset, t->killed);
        events_add(s->events, EVENT_RELOADED, -1, "generation %u has replaced %u in %.1f s; %llu connections were reset, %u workers killed",
                   s->generation->number, r->old_number, (double)took_ms / 1000, (unsigned long long)t->reset, t->killed);
        if (*pending)
                log_message(LOG_WARNING, "not applied, as it takes a restart: %s", pending);
        end(r, true, reply);
}

void reload_abandon(struct reload *r) {
        r->deadline = sd_event_source_unref(r->deadline);
        r->canary = canary_free(r->canary);
        r->next = generation_unref(r->next);
        r->stage = STAGE_IDLE;
        if (r->s->options->control)
                control_finish(r->s->options->control, (struct control_ticket){ CONTROL_TOPIC_RELOAD, r->wanted }, false, "the daemon stops");
}

/* ---- draining ---- */

/* Ends the reload once all slots have new workers and the old ones are gone. */
void reload_check(struct reload *r) {
        struct supervisor *s = r->s;

        if (r->stage == STAGE_ROLL && !replace_wants(s->replace, RESTMARK_CAUSE_RELOAD))
                r->stage = STAGE_DRAIN;
        if (r->stage != STAGE_DRAIN)
                return;
        for (unsigned int i = 0; i < s->n_workers; i++) {
                const struct child *beside = child_beside(s, i);

                if (beside->slot.state != RESTMARK_SLOT_EMPTY && beside->generation != s->generation)
                        return;
        }
        if (r->stuck)
                end(r, false, r->text);
        else
                succeed(r);
}

/* ---- rolling over ---- */

void reload_on_stuck(struct reload *r, unsigned int slot) {
        (void)snprintf(r->text, sizeof r->text,
                       "generation %u failed to start %d times in a row in slot %u; some slots have it, the others go on with "
                       "generation %u; the log says why",
                       r->s->generation->number, SLOT_FAILURES_MAX, slot, r->old_number);
        log_message(LOG_ERR, "reload stuck: %s", r->text);
        events_add(r->s->events, EVENT_RELOAD_FAILED, (int)slot, "stuck: %s", r->text);
        r->stuck = true;
        replace_cancel(r->s->replace, RESTMARK_CAUSE_RELOAD);
        reload_check(r);
}

/* ---- the canary ---- */

/* Past this point there is no way back, and none is needed: this configuration serves. */
static void commit(struct reload *r) {
        struct supervisor *s = r->s;
        struct child *canary = child_beside(s, r->slot);

        log_message(LOG_INFO, "the canary (pid %d) of generation %u answers every route; replacing the others", (int)canary->pid,
                    r->next->number);
        log_open((enum log_target)s->options->boot->log_target, r->next->config->log_level);
        (void)generation_unref(s->generation);
        s->generation = r->next;
        r->next = NULL;
        s->options->board->generation = s->generation->number;
        health_configure(s->health);
        canary->on_probation = false;
        child_tell(canary, LINK_ACCEPT);
        r->stage = STAGE_ROLL;
        for (unsigned int i = 0; i < s->n_workers; i++)
                if (i != r->slot)
                        (void)replace_request(s->replace, i, RESTMARK_CAUSE_RELOAD, NULL, NULL); /* in place of any other request */
        replace_swap(s->replace, r->slot, RESTMARK_CAUSE_RELOAD);
        replace_run(s->replace);
        reload_check(r);
}

static void on_examined(void *context, const char *why) {
        struct reload *r = context;

        r->canary = canary_free(r->canary);
        if (why) {
                (void)snprintf(r->text, sizeof r->text, "the first worker of the new generation fails: %s", why);
                child_step(child_beside(r->s, r->slot), SLOT_EVENT_KILL); /* its death ends the reload */
        } else
                commit(r);
}

static void examine(struct reload *r, struct child *canary) {
        const struct canary_expectation expect = { r->next->n_records, r->next->json_bytes };
        uint64_t until_ms = r->started_ms + r->next->config->canary_timeout_ms, now_ms = clock_monotonic_ms();
        int fd = canary->private_connection;
        struct error e;

        r->deadline = sd_event_source_unref(r->deadline);
        canary->private_connection = -1;
        if (canary_new(r->s->event, fd, &expect, until_ms > now_ms ? until_ms - now_ms : 1, on_examined, r, &r->canary, &e) < 0) {
                (void)snprintf(r->text, sizeof r->text, "%s", e.text);
                child_step(canary, SLOT_EVENT_KILL);
        }
}

/* The end of its connection may be seen before its death, which tells more, unless it is by our own SIGKILL. */
static void blame_canary(struct reload *r, const siginfo_t *info) {
        const bool knows = *r->text != '\0';
        size_t length = strlen(r->text);

        if (knows && info->si_code != CLD_EXITED && info->si_status == SIGKILL)
                return;
        length += (size_t)snprintf(r->text + length, sizeof r->text - length, "%s ",
                                   knows ? "; it" : "the first worker of the new generation");
        if (length >= sizeof r->text)
                return;
        if (info->si_code == CLD_EXITED)
                (void)snprintf(r->text + length, sizeof r->text - length, "exited with code %d; the log says why", info->si_status);
        else
                (void)snprintf(r->text + length, sizeof r->text - length, "was killed by signal %d (%s)", info->si_status,
                               strsignal(info->si_status));
}

void reload_on_death(struct reload *r, const struct child *child, const siginfo_t *info, const struct child_account *had) {
        bool is_canary = r->stage == STAGE_CANARY && child == child_beside(r->s, r->slot);

        if (r->stage != STAGE_IDLE && !is_canary && child->generation->number == r->old_number) {
                r->tally.workers++;
                r->tally.accepted += had->accepted;
                r->tally.requests += had->requests;
                r->tally.reset += had->connections;
                r->tally.killed += info->si_code != CLD_EXITED;
        }
        if (is_canary)
                blame_canary(r, info);
}

void reload_on_free_seat(struct reload *r, const struct child *child) {
        if (r->stage == STAGE_CANARY && child->index == r->slot)
                fail(r, *r->text ? r->text : "the first worker of the new generation could not be started");
        else if (r->stage == STAGE_WAIT)
                start_canary(r);
        else
                reload_check(r);
}

void reload_on_change(struct reload *r, struct child *child) {
        if (r->stage == STAGE_CANARY && child == child_beside(r->s, r->slot) && child->slot.state == RESTMARK_SLOT_READY && !r->canary)
                examine(r, child);
}

/* ---- the start of a reload ---- */

static int on_not_ready(sd_event_source *source, uint64_t usec, void *context) {
        struct reload *r = context;

        (void)source;
        (void)usec;
        (void)snprintf(r->text, sizeof r->text,
                       "the first worker of the new generation was not ready in time ([workers] canary-timeout)");
        child_step(child_beside(r->s, r->slot), SLOT_EVENT_KILL);
        return 0;
}

static void warn(const char *text) {
        log_message(LOG_WARNING, "%s", text);
}

/* What takes a restart is not applied, but the restart will come, and should not be the one to find out that it cannot be. An upgrade's self-test has
 * looked at it. */
static bool can_restart(const struct reload *r, struct error *e) {
        const struct supervisor_options *o = r->s->options;

        if (r->is_upgrade || preflight_start(r->next->config, o->boot, o->listeners->given, warn, e) == 0)
                return true;
        (void)snprintf(e->text + strlen(e->text), sizeof e->text - strlen(e->text), "; it takes a restart, which would refuse it");
        return false;
}

/* Once there is a seat for it: old workers that leave may hold all of them until their mercy is over. */
static void start_canary(struct reload *r) {
        struct supervisor *s = r->s;
        struct error e;
        int result;

        for (r->slot = 0; child_beside(s, r->slot)->slot.state != RESTMARK_SLOT_EMPTY;)
                if (++r->slot == s->n_workers)
                        return;
        r->stage = STAGE_CANARY;
        if (!r->is_upgrade && s->options->source.load(s->options->source.context, &r->next, &e) < 0) {
                r->next = NULL;
                fail(r, e.text);
                return;
        }
        if (!can_restart(r, &e)) {
                fail(r, e.text);
                return;
        }
        r->next->number = s->generation->number + 1;
        /* The time for loading the dataset is the master's own, and not the canary's. */
        r->started_ms = clock_monotonic_ms();
        result = sd_event_add_time_relative(s->event, &r->deadline, CLOCK_MONOTONIC, r->next->config->canary_timeout_ms * 1000, 1000,
                                            on_not_ready, r);
        if (result < 0) {
                fail(r, strerror(-result));
                return;
        }
        log_message(LOG_INFO, "generation %u is loaded; its first worker is examined", r->next->number);
        child_start(child_beside(s, r->slot), r->next, true);
}

void reload_begin(struct reload *r) {
        struct supervisor *s = r->s;

        r->due = false;
        if (s->stopping)
                return;
        r->ticket = r->wanted;
        r->tally = (struct tally){ 0 };
        r->text[0] = '\0';
        r->stuck = false;
        r->old_number = s->generation->number;
        r->stage = STAGE_WAIT;
        notify_reloading();
        events_add(s->events, EVENT_RELOAD, -1, "generation %u is to follow", r->old_number + 1);
        replace_yield(s->replace);
        start_canary(r);
}

static void schedule(struct reload *r) {
        if (!r->due)
                happenings_push(&r->s->happenings, (struct happening){ .kind = HAPPENING_RELOAD });
        r->due = true;
}
