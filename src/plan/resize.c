#include "plan/resize.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

/* Where a request comes from that is measured, in `difference` of what comes back. */
enum origin { ORIGIN_COMMAND, ORIGIN_SIGNAL, ORIGIN_CONFIGURATION };

static const char *plural(unsigned int n) {
        return n == 1 ? "" : "s";
}

static void again(struct intents *out) {
        intents_happen(out, &(struct happening){ .kind = HAPPENING_AGAIN });
}

/* ---- the end ---- */

static void __attribute__((format(printf, 4, 5))) finish(struct resize *r, struct intents *out, bool ok, const char *format, ...) {
        char text[512];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        r->waits = false;
        intents_fact(out, FACT_SCALES, false);
        intents_log(out, ok ? LOG_NOTICE : LOG_ERR, "%s", text);
        intents_event(out, EVENT_SCALE, -1, "%s", text);
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_SCALE, .ticket = r->ticket, .and_earlier = true, .flag = ok }, "%s", text);
        again(out);
}

/* ---- requests ---- */

static void accept(struct resize *r, const struct fleet *f, unsigned int n_workers, uint64_t ticket, uint64_t now_ms, struct intents *out) {
        if (!r->waits) {
                r->n_before = f->n_workers;
                r->started_ms = now_ms;
        }
        r->goal = n_workers;
        r->waits = true;
        if (ticket > r->ticket)
                r->ticket = ticket;
        intents_fact(out, FACT_SCALES, true);
        again(out);
}

static void refuse(const struct fleet *f, enum origin origin, uint64_t ticket, const char *why, struct intents *out) {
        if (origin == ORIGIN_COMMAND)
                intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_SCALE, .ticket = ticket }, "%s", why);
        else if (origin == ORIGIN_SIGNAL)
                intents_log(out, LOG_WARNING, "refused: %s", why);
        else
                intents_log(out, LOG_ERR, "[server] processes is not applied: %s; %u worker%s go on", why, f->n_workers, plural(f->n_workers));
}

/* What comes back says whether there is room for them. */
static void request(struct resize *r, const struct fleet *f, unsigned int n_workers, enum origin origin, uint64_t ticket, uint64_t now_ms,
                    struct intents *out) {
        if (n_workers <= f->n_workers)
                accept(r, f, n_workers, ticket, now_ms, out);
        else
                intents_add(out, &(struct intent){ .kind = INTENT_MEASURE,
                                                   .number = n_workers,
                                                   .ticket = ticket,
                                                   .happening = { .kind = HAPPENING_MEASURED, .number = n_workers, .ticket = ticket, .difference = (int)origin } });
}

static void request_by(struct resize *r, const struct fleet *f, int difference, uint64_t now_ms, struct intents *out) {
        int n_workers = (int)r->goal + difference;
        char why[64];

        if (n_workers < 1)
                refuse(f, ORIGIN_SIGNAL, 0, "there is one worker at least", out);
        else if (n_workers > RESTMARK_SLOTS_MAX) {
                (void)snprintf(why, sizeof why, "there are %d workers at most", RESTMARK_SLOTS_MAX);
                refuse(f, ORIGIN_SIGNAL, 0, why, out);
        } else
                request(r, f, (unsigned int)n_workers, ORIGIN_SIGNAL, 0, now_ms, out);
}

/* Returns whether it was one. */
static bool follow_request(struct resize *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        switch (h->kind) {
        case HAPPENING_SCALE:
                request(r, f, (unsigned int)h->number, ORIGIN_COMMAND, h->ticket, now_ms, out);
                return true;
        case HAPPENING_SCALE_BY:
                request_by(r, f, h->difference, now_ms, out);
                return true;
        case HAPPENING_MEASURED:
                if (h->difference == ORIGIN_COMMAND && h->ticket < r->ticket) /* a later one has taken its place, and answers to it */
                        return true;
                if (h->text)
                        refuse(f, (enum origin)h->difference, h->ticket, h->text, out);
                else
                        accept(r, f, (unsigned int)h->number, h->ticket, now_ms, out);
                return true;
        default:
                return false;
        }
}

/* A new configuration changes the number only if it asks for another one than the last did: else what `scale` has set stays. */
static bool look_at_generation(struct resize *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (f->current.n_workers == r->n_configured)
                return false;
        r->n_configured = f->current.n_workers;
        request(r, f, r->n_configured, ORIGIN_CONFIGURATION, 0, now_ms, out);
        return true;
}

/* ---- slots ---- */

/* In the seat that is free; if workers that leave have both, it is tried again when one is gone. */
static bool start_slot(const struct fleet *f, unsigned int slot, struct intents *out) {
        unsigned int seat = fleet_own(f, slot);

        if (f->seats[slot][seat].slot.state != RESTMARK_SLOT_EMPTY) {
                if (fleet_beside(f, slot)->slot.state != RESTMARK_SLOT_EMPTY)
                        return false;
                intents_add(out, &(struct intent){ .kind = INTENT_SWAP, .slot = slot });
                seat = fleet_other(f, slot);
        }
        intents_add(out, &(struct intent){ .kind = INTENT_START, .slot = slot, .seat = seat });
        return true;
}

/* The seats of a slot's own workers that have ended (of those beside them others take care); and a slot that is wanted again while its worker
 * leaves gets a new one. Returns whether anything has changed. */
static bool tend_slots(const struct fleet *f, struct intents *out) {
        bool changed = false;

        for (unsigned int i = 0; i < f->n_slots; i++) {
                const struct seat *own = fleet_primary(f, i);

                if (own->slot.state == RESTMARK_SLOT_STOPPED) {
                        intents_add(out, &(struct intent){ .kind = INTENT_FREE, .slot = i, .seat = fleet_own(f, i) });
                        again(out);
                        changed = true;
                } else if (i < f->n_workers && (own->slot.state == RESTMARK_SLOT_EMPTY || own->slot.stopping))
                        changed |= start_slot(f, i, out);
        }
        return changed;
}

static void retire(const struct fleet *f, unsigned int slot, struct intents *out) {
        intents_happen(out, &(struct happening){ .kind = HAPPENING_ENDS, .slot = slot });
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                if (f->seats[slot][seat].slot.state != RESTMARK_SLOT_EMPTY)
                        intents_add(out, &(struct intent){ .kind = INTENT_ORDER,
                                                           .slot = slot,
                                                           .seat = seat,
                                                           .event = SLOT_EVENT_STOP,
                                                           .cause = RESTMARK_CAUSE_SCALE });
}

/* Out of the rotation first: then nobody comes any more, and by the time that they are told their workers can go. */
static void shrink(struct resize *r, const struct fleet *f, unsigned int n_workers, uint64_t now_ms, struct intents *out) {
        intents_add(out, &(struct intent){ .kind = INTENT_WORKERS, .number = n_workers });
        for (unsigned int i = n_workers; i < f->n_workers; i++) {
                r->left_ms[i] = now_ms;
                retire(f, i, out);
        }
        if (f->n_proven > n_workers)
                intents_add(out, &(struct intent){ .kind = INTENT_PROVEN, .number = n_workers });
}

static void grow(struct resize *r, const struct fleet *f, struct intents *out) {
        if (r->goal <= f->n_slots) {
                intents_add(out, &(struct intent){ .kind = INTENT_WORKERS, .number = r->goal });
                again(out);
                return;
        }
        r->is_opening = true;
        intents_add(out, &(struct intent){ .kind = INTENT_OPEN, .number = r->goal });
}

static void follow_opening(struct resize *r, const struct fleet *f, const struct happening *h, struct intents *out) {
        r->is_opening = false;
        if (h->text) {
                r->goal = f->n_workers;
                finish(r, out, false, "%s; %u worker%s go on", h->text, f->n_workers, plural(f->n_workers));
                return;
        }
        r->top = (unsigned int)h->number;
        intents_add(out, &(struct intent){ .kind = INTENT_SLOTS, .number = (int64_t)h->number });
        intents_add(out, &(struct intent){ .kind = INTENT_WORKERS, .number = (int64_t)h->number });
        again(out);
}

/* Returns whether it has begun anything. */
static bool begin(struct resize *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (r->goal == f->n_workers)
                return false;
        intents_log(out, LOG_NOTICE, "from %u to %u worker%s", f->n_workers, r->goal, plural(r->goal));
        if (r->goal < f->n_workers)
                shrink(r, f, r->goal, now_ms, out);
        else
                grow(r, f, out);
        return true;
}

/* Returns whether anything has changed. */
static bool check_new_slots(struct resize *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        unsigned int n_proven = f->n_proven, failed;

        while (n_proven < f->n_workers && fleet_primary(f, n_proven)->slot.state == RESTMARK_SLOT_READY)
                n_proven++;
        for (failed = n_proven; failed < f->n_workers; failed++)
                if (fleet_primary(f, failed)->slot.failures > 0)
                        break;
        if (n_proven != f->n_proven)
                intents_add(out, &(struct intent){ .kind = INTENT_PROVEN, .number = n_proven });
        if (failed >= f->n_workers) {
                if (n_proven != f->n_proven)
                        again(out);
                return n_proven != f->n_proven;
        }
        r->goal = n_proven;
        shrink(r, f, n_proven, now_ms, out);
        finish(r, out, false, "worker %u fails to start, as the log says; %u worker%s go on", failed, n_proven, plural(n_proven));
        return true;
}

/* ---- closing ---- */

static void wake(struct resize *r, uint64_t when_ms) {
        if (r->wake_ms == 0 || when_ms < r->wake_ms)
                r->wake_ms = when_ms;
}

/* From the top, as far as slots are done with. */
static void close_retired(struct resize *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        if (r->top > f->n_slots || !r->is_flushing)
                r->top = f->n_slots;
        if (r->is_flushing && h->kind == HAPPENING_FLUSHED && h->slot + 1 == r->top) {
                r->is_flushing = false;
                if (h->ok)
                        r->top--;
                else
                        wake(r, now_ms + RESIZE_LOOK_AGAIN_MS);
                if (r->top < f->n_workers) /* it is wanted again */
                        r->top = f->n_slots;
        }
        if (r->is_flushing)
                return;
        if (r->wake_ms == 0 && r->top > f->n_workers && fleet_is_vacant(f, r->top - 1)) {
                if (now_ms < r->left_ms[r->top - 1] + RESIZE_LINGER_MS)
                        wake(r, r->left_ms[r->top - 1] + RESIZE_LINGER_MS);
                else {
                        r->is_flushing = true;
                        intents_happen(out, &(struct happening){ .kind = HAPPENING_FLUSH, .slot = r->top - 1 });
                        return;
                }
        }
        if (r->top == f->n_slots)
                return;
        intents_add(out, &(struct intent){ .kind = INTENT_CLOSE, .number = r->top });
        intents_add(out, &(struct intent){ .kind = INTENT_SLOTS, .number = r->top });
        again(out);
}

/* ---- the whole ---- */

static void abandon(struct resize *r, struct intents *out) {
        r->wake_ms = 0;
        if (!r->waits)
                return;
        r->waits = false;
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_SCALE, .ticket = r->ticket, .and_earlier = true }, "the daemon stops");
}

static void go_on(struct resize *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        /* First, else a new worker would be put beside the seat of a dead one, which nobody would free any more. */
        if (tend_slots(f, out))
                return;
        if (!f->facts[FACT_RELOADS] && (look_at_generation(r, f, now_ms, out) || begin(r, f, now_ms, out) || check_new_slots(r, f, now_ms, out)))
                return;
        close_retired(r, f, h, now_ms, out);
        if (r->waits && r->goal == f->n_workers && f->n_proven == f->n_workers && f->n_slots == f->n_workers)
                finish(r, out, true, "%u worker%s, after %u; it took %.1f s", f->n_workers, plural(f->n_workers), r->n_before,
                       (double)(now_ms - r->started_ms) / 1000);
}

void plan_resize(struct resize *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        if (h->kind == HAPPENING_BEGIN) {
                r->goal = r->top = f->n_workers;
                r->n_configured = f->current.n_workers;
        }
        if (f->stopping) {
                if (h->kind == HAPPENING_STOP)
                        abandon(r, out);
                else if (h->kind == HAPPENING_SCALE || (h->kind == HAPPENING_MEASURED && h->ticket > r->ticket))
                        refuse(f, ORIGIN_COMMAND, h->ticket, "the daemon stops", out);
                return;
        }
        if (h->kind == HAPPENING_TIME && r->wake_ms != 0 && now_ms >= r->wake_ms)
                r->wake_ms = 0;
        if (h->kind == HAPPENING_OPENED)
                follow_opening(r, f, h, out);
        else if (!follow_request(r, f, h, now_ms, out) && !r->is_opening)
                go_on(r, f, h, now_ms, out);
}

uint64_t resize_wake_ms(const struct resize *r) {
        return r->wake_ms;
}
