#include "plan/replace.h"

#include <stdio.h>
#include <syslog.h>

#include "fleet/cause.h"
#include "fleet/wish.h"

static void again(struct intents *out) {
        intents_happen(out, &(struct happening){ .kind = HAPPENING_AGAIN });
}

/* ---- drains ---- */

static void refuse(struct intents *out, uint64_t ticket, const char *why) {
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_DRAIN, .ticket = ticket }, "%s", why);
}

static void finish_drain(struct intents *out, unsigned int slot, uint64_t ticket, bool ok, const char *text) {
        intents_log(out, ok ? LOG_NOTICE : LOG_ERR, "%s", text);
        intents_event(out, EVENT_DRAIN, (int)slot, "%s", text);
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_DRAIN, .ticket = ticket, .flag = ok }, "%s", text);
}

static void ask_for_drain(const struct replace *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        char why[96] = "";

        if (f->stopping)
                (void)snprintf(why, sizeof why, "the daemon stops");
        else if (h->slot >= f->n_workers)
                (void)snprintf(why, sizeof why, "there is no slot %u: the highest is %u", h->slot, f->n_workers - 1);
        else if (r->farewells[h->slot].ticket != 0 || (f->wishes[h->slot].wanted && f->wishes[h->slot].ticket != 0))
                (void)snprintf(why, sizeof why, "slot %u is being drained already", h->slot);
        else if (fleet_primary(f, h->slot)->slot.state != RESTMARK_SLOT_READY || wish_merge(f, h->slot, RESTMARK_CAUSE_DRAIN) == MERGE_REFUSE)
                (void)snprintf(why, sizeof why, "the worker of slot %u is being replaced or is not ready", h->slot);
        if (*why) {
                refuse(out, h->ticket, why);
                return;
        }
        intents_add(out, &(struct intent){ .kind = INTENT_WISH,
                                           .slot = h->slot,
                                           .cause = RESTMARK_CAUSE_DRAIN,
                                           .ticket = h->ticket,
                                           .number = (int64_t)now_ms });
        again(out);
}

static bool has_process(const struct fleet *f, unsigned int slot, pid_t pid) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                if (f->seats[slot][seat].pid == pid)
                        return true;
        return false;
}

static void look_at_farewells(struct replace *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        char text[160];

        for (unsigned int i = 0; i < f->n_slots; i++) {
                struct farewell *farewell = &r->farewells[i];

                if (farewell->ticket == 0 || has_process(f, i, farewell->pid))
                        continue;
                (void)snprintf(text, sizeof text, "slot %u: process %d has finished, %d serves; it took %.1f s", i, (int)farewell->pid,
                               (int)fleet_primary(f, i)->pid, (double)(now_ms - farewell->asked_ms) / 1000);
                finish_drain(out, i, farewell->ticket, true, text);
                farewell->ticket = 0;
        }
}

/* ---- the end of a wish ---- */

/* It is not fulfilled; who waits for it hears why. */
static void drop(const struct fleet *f, unsigned int slot, const char *why, struct intents *out) {
        const struct wish *wish = &f->wishes[slot];
        char text[320];

        intents_add(out, &(struct intent){ .kind = INTENT_UNWISH, .slot = slot });
        if (!wish->wanted || wish->ticket == 0)
                return;
        (void)snprintf(text, sizeof text, "slot %u is not drained: %s", slot, why);
        finish_drain(out, slot, wish->ticket, false, text);
}

/* Its wish, if there is one, stays. The new worker may be serving already, with its word yet to be heard: it finishes what it has. */
static void yield(struct replace *r, const struct fleet *f, struct intents *out) {
        if (f->awaited < 0)
                return;
        r->yielding = true;
        intents_add(out, &(struct intent){ .kind = INTENT_ORDER,
                                           .slot = (unsigned int)f->awaited,
                                           .seat = fleet_other(f, (unsigned int)f->awaited),
                                           .event = SLOT_EVENT_STOP,
                                           .cause = RESTMARK_CAUSE_START });
}

static void cancel(struct replace *r, const struct fleet *f, struct intents *out) {
        for (unsigned int i = 0; i < f->n_slots; i++)
                if (f->wishes[i].wanted && f->wishes[i].cause == RESTMARK_CAUSE_RELOAD) {
                        drop(f, i, "the reload has failed", out);
                        if (f->awaited == (int)i)
                                yield(r, f, out);
                }
        again(out);
}

/* Makes the worker beside, which is ready, the slot's own; the old one leaves. */
static void swap(struct replace *r, const struct fleet *f, unsigned int slot, enum restmark_cause cause, struct intents *out) {
        const struct wish *wish = &f->wishes[slot];

        if (wish->wanted && wish->ticket != 0)
                r->farewells[slot] = (struct farewell){ wish->ticket, wish->asked_ms, wish->drained_pid };
        intents_add(out, &(struct intent){ .kind = INTENT_SWAP, .slot = slot });
        intents_add(out, &(struct intent){ .kind = INTENT_UNWISH, .slot = slot });
        intents_add(out, &(struct intent){ .kind = INTENT_ORDER, .slot = slot, .seat = fleet_own(f, slot), .event = SLOT_EVENT_STOP, .cause = cause });
        intents_happen(out, &(struct happening){ .kind = HAPPENING_REPLACED, .slot = slot });
}

/* ---- a new worker that fails to start ---- */

enum { WHY_NOT_MAX = 160 };

static void explain(unsigned int slot, char why_not[static WHY_NOT_MAX]) {
        (void)snprintf(why_not, WHY_NOT_MAX, "the new worker of slot %u fails to start, as the log says; the old one goes on", slot);
}

static void postpone(const struct fleet *f, unsigned int slot, uint64_t now_ms, const char *why_not, struct intents *out) {
        const struct wish *wish = &f->wishes[slot];
        uint64_t wait_ms = REPLACE_RETRY_MIN_MS;

        for (unsigned int i = 0; i < wish->failures && wait_ms < REPLACE_RETRY_MAX_MS; i++)
                wait_ms *= 2;
        if (wait_ms > REPLACE_RETRY_MAX_MS)
                wait_ms = REPLACE_RETRY_MAX_MS;
        intents_add(out, &(struct intent){ .kind = INTENT_POSTPONE, .slot = slot, .number = (int64_t)(now_ms + wait_ms) });
        intents_log(out, LOG_ERR, "worker %u is not recycled (%s): %s; it is tried again in %llu s", slot, cause_name(wish->cause), why_not,
                    (unsigned long long)(wait_ms + 999) / 1000);
        intents_event(out, EVENT_RECYCLE, (int)slot, "not yet (%s): %s", cause_name(wish->cause), why_not);
}

static void fail(struct replace *r, const struct fleet *f, unsigned int slot, uint64_t now_ms, struct intents *out) {
        const struct wish *wish = &f->wishes[slot];
        char why_not[WHY_NOT_MAX];

        intents_add(out, &(struct intent){ .kind = INTENT_AWAIT, .number = -1 });
        if (r->yielding || !wish->wanted)
                return;
        explain(slot, why_not);
        if (wish_is_recycling(wish->cause))
                postpone(f, slot, now_ms, why_not, out);
        else if (wish->cause == RESTMARK_CAUSE_RELOAD) {
                intents_add(out, &(struct intent){ .kind = INTENT_POSTPONE, .slot = slot, .number = (int64_t)(now_ms + REPLACE_STUCK_MS) });
                intents_happen(out, &(struct happening){ .kind = HAPPENING_STUCK, .slot = slot });
        } else {
                intents_log(out, LOG_ERR, "%s", why_not);
                drop(f, slot, why_not, out);
        }
}

/* ---- the next one ---- */

static bool is_any_beside(const struct fleet *f) {
        for (unsigned int i = 0; i < f->n_workers; i++)
                if (fleet_beside(f, i)->slot.state != RESTMARK_SLOT_EMPTY)
                        return true;
        return false;
}

/* The worker that was to be recycled has died by itself. */
static bool is_moot(const struct fleet *f, unsigned int slot) {
        const struct wish *wish = &f->wishes[slot];

        return wish->wanted && wish_is_recycling(wish->cause) && fleet_primary(f, slot)->pid != wish->pid;
}

static bool may_start(const struct fleet *f, unsigned int slot, uint64_t now_ms) {
        const struct wish *wish = &f->wishes[slot];

        if (!wish->wanted || now_ms < wish->not_before_ms || fleet_beside(f, slot)->slot.state != RESTMARK_SLOT_EMPTY)
                return false;
        /* While an upgrade waits for all to be quiet, workers that will be new then anyway are not recycled. */
        return !wish_is_recycling(wish->cause) || (!f->facts[FACT_LEAVES] && !is_moot(f, slot) && !is_any_beside(f));
}

static void start_next(struct replace *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        int next = -1;

        if (f->awaited >= 0 || f->stopping || f->facts[FACT_EXAMINES])
                return;
        for (unsigned int i = 0; i < f->n_workers; i++) {
                if (is_moot(f, i) && now_ms >= f->wishes[i].not_before_ms && fleet_beside(f, i)->slot.state == RESTMARK_SLOT_EMPTY &&
                    !f->facts[FACT_LEAVES])
                        intents_add(out, &(struct intent){ .kind = INTENT_UNWISH, .slot = i });
                if (may_start(f, i, now_ms) && (next < 0 || f->wishes[i].order < f->wishes[next].order))
                        next = (int)i;
        }
        if (next < 0)
                return;
        r->yielding = false;
        intents_add(out, &(struct intent){ .kind = INTENT_AWAIT, .number = next });
        intents_add(out, &(struct intent){ .kind = INTENT_START,
                                           .slot = (unsigned int)next,
                                           .seat = fleet_other(f, (unsigned int)next),
                                           .once = f->wishes[next].cause != RESTMARK_CAUSE_RELOAD });
}

/* ---- the whole ---- */

/* Returns whether that was something to act upon. */
static bool follow_seat(struct replace *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        const struct seat *seat = &f->seats[h->slot][h->seat];
        bool is_awaited = f->awaited == (int)h->slot;

        if (f->stopping || !h->has_change || h->seat != fleet_other(f, h->slot))
                return false;
        if (seat->slot.state == RESTMARK_SLOT_STOPPED) {
                intents_add(out, &(struct intent){ .kind = INTENT_FREE, .slot = h->slot, .seat = h->seat });
                if (is_awaited)
                        fail(r, f, h->slot, now_ms, out);
                intents_happen(out, &(struct happening){ .kind = HAPPENING_FREED, .slot = h->slot, .seat = h->seat });
                return true;
        }
        if (seat->slot.state != RESTMARK_SLOT_READY || !is_awaited)
                return false;
        swap(r, f, h->slot, f->wishes[h->slot].cause, out);
        return true;
}

/* Returns whether there was something to act upon. */
static bool follow_others(struct replace *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        char why_not[WHY_NOT_MAX];

        switch (h->kind) {
        case HAPPENING_DRAIN:
                ask_for_drain(r, f, h, now_ms, out);
                return true;
        case HAPPENING_YIELD:
                yield(r, f, out);
                return true;
        case HAPPENING_PROVEN:
                swap(r, f, h->slot, RESTMARK_CAUSE_RELOAD, out);
                return true;
        case HAPPENING_CANCEL:
                cancel(r, f, out);
                return true;
        case HAPPENING_STUCK:
                explain(h->slot, why_not);
                drop(f, h->slot, why_not, out);
                return true;
        case HAPPENING_ENDS:
                drop(f, h->slot, "the slot is given up", out);
                if (f->awaited == (int)h->slot)
                        yield(r, f, out);
                return true;
        case HAPPENING_STOP:
                intents_add(out, &(struct intent){ .kind = INTENT_AWAIT, .number = -1 });
                for (unsigned int i = 0; i < f->n_slots; i++)
                        if (f->wishes[i].wanted)
                                drop(f, i, "the daemon stops", out);
                return true;
        default:
                return false;
        }
}

void plan_replace(struct replace *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        if (h->kind == HAPPENING_EXITED || h->kind == HAPPENING_REPLACED || h->kind == HAPPENING_STOP)
                look_at_farewells(r, f, now_ms, out);
        if (!follow_seat(r, f, h, now_ms, out) && !follow_others(r, f, h, now_ms, out))
                start_next(r, f, now_ms, out);
}
