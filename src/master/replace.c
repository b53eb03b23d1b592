#include "master/replace.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/supervisor_internal.h"
#include "shared/status.h"

struct wish {
        bool wanted;
        enum restmark_cause cause;
        uint64_t order;         /* who came first is served first */
        pid_t pid;              /* recycling: of this worker, no other */
        uint64_t not_before_ms; /* after a failure; monotonic */
        unsigned int failures;
        replace_done done; /* NULL: nobody waits */
        void *context;
};

struct replace {
        struct supervisor *s;
        struct wish wishes[RESTMARK_SLOTS_MAX];
        uint64_t n_wishes; /* ever */
        int active;        /* the slot whose new worker is awaited; -1: none */
        bool yielding;     /* that one is killed, but not for its own fault */
};

struct replace *replace_new(struct supervisor *s) {
        struct replace *r = calloc(1, sizeof *r);

        if (r) {
                r->s = s;
                r->active = -1;
        }
        return r;
}

struct replace *replace_free(struct replace *r) {
        free(r);
        return NULL;
}

static bool is_recycling(enum restmark_cause cause) {
        return cause >= RESTMARK_CAUSE_MAX_REQUESTS && cause <= RESTMARK_CAUSE_PSS;
}

/* Tells who waits, once. */
static void tell(struct replace *r, unsigned int slot, const char *why_not) {
        replace_done done = r->wishes[slot].done;

        r->wishes[slot].done = NULL;
        if (done)
                done(r->wishes[slot].context, slot, why_not);
}

bool replace_request(struct replace *r, unsigned int slot, enum restmark_cause cause, replace_done done, void *context) {
        struct wish *wish = &r->wishes[slot];

        if (wish->wanted && ((done && wish->done) || (!done && cause != RESTMARK_CAUSE_RELOAD)))
                return false;
        if (!wish->wanted)
                *wish = (struct wish){ .wanted = true, .cause = cause, .order = ++r->n_wishes };
        else if (wish->cause != RESTMARK_CAUSE_RELOAD)
                wish->cause = cause;
        wish->not_before_ms = 0;
        wish->pid = child_primary(r->s, slot)->pid;
        if (done) {
                wish->done = done;
                wish->context = context;
        }
        replace_run(r);
        return true;
}

bool replace_wants(const struct replace *r, enum restmark_cause cause) {
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                if (r->wishes[i].wanted && r->wishes[i].cause == cause)
                        return true;
        return false;
}

void replace_yield(struct replace *r) {
        if (r->active < 0)
                return;
        r->yielding = true;
        child_step(child_beside(r->s, (unsigned int)r->active), SLOT_EVENT_KILL);
}

void replace_forget(struct replace *r, unsigned int slot) {
        r->wishes[slot].wanted = false;
        tell(r, slot, "the slot is given up");
        if (r->active == (int)slot)
                replace_yield(r);
        reload_check(r->s->reload);
}

void replace_cancel(struct replace *r, enum restmark_cause cause) {
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                if (r->wishes[i].wanted && r->wishes[i].cause == cause) {
                        r->wishes[i].wanted = false;
                        tell(r, i, "the reload has failed");
                        if (r->active == (int)i)
                                replace_yield(r);
                }
}

/* ---- starting ---- */

static bool is_any_beside(struct supervisor *s) {
        for (unsigned int i = 0; i < s->n_workers; i++)
                if (child_beside(s, i)->slot.state != RESTMARK_SLOT_EMPTY)
                        return true;
        return false;
}

static bool may_start(struct replace *r, unsigned int slot, uint64_t now_ms) {
        struct wish *wish = &r->wishes[slot];

        if (!wish->wanted || now_ms < wish->not_before_ms || child_beside(r->s, slot)->slot.state != RESTMARK_SLOT_EMPTY)
                return false;
        if (!is_recycling(wish->cause))
                return true;
        if (upgrade_waits(r->s->upgrade)) /* for all to be quiet; the workers will be new then anyway */
                return false;
        if (child_primary(r->s, slot)->pid != wish->pid) { /* it has died by itself */
                wish->wanted = false;
                tell(r, slot, NULL);
                return false;
        }
        return !is_any_beside(r->s);
}

void replace_run(struct replace *r) {
        uint64_t now_ms = clock_monotonic_ms();
        struct child *beside;
        int next = -1;

        if (r->active >= 0 || r->s->stopping || reload_examines(r->s->reload))
                return;
        for (unsigned int i = 0; i < r->s->n_workers; i++)
                if (may_start(r, i, now_ms) && (next < 0 || r->wishes[i].order < r->wishes[next].order))
                        next = (int)i;
        if (next < 0)
                return;
        r->active = next;
        r->yielding = false;
        beside = child_beside(r->s, (unsigned int)next);
        beside->once = r->wishes[next].cause != RESTMARK_CAUSE_RELOAD;
        child_start(beside, r->s->generation, false);
}

bool replace_awaits(const struct replace *r, const struct child *child) {
        return r->active == (int)child->index && child == child_beside(r->s, child->index);
}

/* ---- the outcome ---- */

void replace_swap(struct replace *r, unsigned int slot, enum restmark_cause cause) {
        struct child *old = child_primary(r->s, slot), *new = child_beside(r->s, slot);

        if (r->active == (int)slot)
                r->active = -1;
        r->s->options->board->slots[slot].slot.primary = new->seat;
        new->once = false;
        r->wishes[slot].wanted = false; /* before the end of the old one, which may come at once, looks for the next wish */
        child_blame(old, cause);
        child_step(old, SLOT_EVENT_STOP);
        tell(r, slot, NULL);
}

static void failed(struct replace *r) {
        unsigned int slot = (unsigned int)r->active;
        struct wish *wish = &r->wishes[slot];
        uint64_t wait_ms = REPLACE_RETRY_MIN_MS;
        char why_not[160];

        r->active = -1;
        if (r->yielding || !wish->wanted)
                return;
        (void)snprintf(why_not, sizeof why_not, "the new worker of slot %u fails to start, as the log says; the old one goes on", slot);
        if (wish->cause == RESTMARK_CAUSE_RELOAD) {
                wish->wanted = false;
                tell(r, slot, why_not);
                reload_on_stuck(r->s->reload, slot);
                return;
        }
        if (!is_recycling(wish->cause)) {
                log_message(LOG_ERR, "%s", why_not);
                wish->wanted = false;
                tell(r, slot, why_not);
                return;
        }
        for (unsigned int i = 0; i < wish->failures && wait_ms < REPLACE_RETRY_MAX_MS; i++)
                wait_ms *= 2;
        wish->not_before_ms = clock_monotonic_ms() + (wait_ms < REPLACE_RETRY_MAX_MS ? wait_ms : REPLACE_RETRY_MAX_MS);
        wish->failures++;
        log_message(LOG_ERR, "worker %u is not recycled (%s): %s; it is tried again in %llu s", slot, status_cause_name(wish->cause), why_not,
                    (unsigned long long)(wish->not_before_ms - clock_monotonic_ms() + 999) / 1000);
        events_add(r->s->events, EVENT_RECYCLE, (int)slot, "not yet (%s): %s", status_cause_name(wish->cause), why_not);
}

/* The worker beside is no more: its seat is free for the next one. */
static void free_seat(struct child *child) {
        child->generation = generation_unref(child->generation);
        child->once = false;
        child->slot = (struct slot){ .state = RESTMARK_SLOT_EMPTY };
        child_cell(child)->state = RESTMARK_SLOT_EMPTY;
}

void replace_on_change(struct replace *r, struct child *child) {
        struct supervisor *s = r->s;

        if (s->stopping || child != child_beside(s, child->index))
                return;
        if (child->slot.state == RESTMARK_SLOT_STOPPED) {
                bool awaited = replace_awaits(r, child);

                free_seat(child);
                if (awaited)
                        failed(r);
                reload_on_free_seat(s->reload, child);
                replace_run(r);
        } else if (child->slot.state == RESTMARK_SLOT_READY && replace_awaits(r, child)) {
                replace_swap(r, child->index, r->wishes[child->index].cause);
                reload_check(s->reload);
                replace_run(r);
        }
}

void replace_abandon(struct replace *r) {
        r->active = -1;
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++) {
                r->wishes[i].wanted = false;
                tell(r, i, "the daemon stops");
        }
}
