#include "fleet/fleet.h"

#include "fleet/wish.h"

void fleet_init(struct fleet *f, unsigned int n_workers, const struct policy *current) {
        *f = (struct fleet){ .n_workers = n_workers, .n_slots = n_workers, .n_proven = n_workers, .current = *current, .awaited = -1 };
}

unsigned int fleet_count_ready(const struct fleet *f) {
        unsigned int n = 0;

        for (unsigned int i = 0; i < f->n_workers; i++)
                n += fleet_primary(f, i)->slot.state == RESTMARK_SLOT_READY;
        return n;
}

enum slots_verdict fleet_judge(const struct fleet *f) {
        struct slots_tally tally = { 0 };

        for (unsigned int i = 0; i < f->n_workers; i++)
                slots_count(&tally, &fleet_primary(f, i)->slot);
        return slots_judge(&tally);
}

bool fleet_serves_queues(const struct seat *seat) {
        return !seat->on_probation && !seat->doomed && !seat->unresponsive &&
               (seat->slot.state == RESTMARK_SLOT_READY || (seat->slot.state == RESTMARK_SLOT_DRAINING && !seat->retired));
}

bool fleet_can_be_handed_over(const struct fleet *f) {
        for (unsigned int i = 0; i < f->n_workers; i++) {
                enum restmark_slot_state state = fleet_primary(f, i)->slot.state;

                if (fleet_beside(f, i)->slot.state != RESTMARK_SLOT_EMPTY ||
                    (state != RESTMARK_SLOT_STARTING && state != RESTMARK_SLOT_READY && state != RESTMARK_SLOT_BACKOFF))
                        return false;
        }
        return f->n_slots == f->n_workers;
}

bool fleet_is_vacant(const struct fleet *f, unsigned int slot) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                if (f->seats[slot][seat].slot.state != RESTMARK_SLOT_EMPTY)
                        return false;
        return true;
}

uint64_t fleet_wake_ms(const struct fleet *f) {
        uint64_t soonest_ms = 0;

        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        uint64_t timer_ms = slot_timer_ms(&f->seats[i][seat].slot);

                        if (timer_ms != 0 && (soonest_ms == 0 || timer_ms < soonest_ms))
                                soonest_ms = timer_ms;
                }
        return soonest_ms;
}

enum fleet_needs fleet_needs(const struct happening *h) {
        switch (h->kind) {
        case HAPPENING_ROUND:
                return FLEET_NEEDS_ALL;
        case HAPPENING_QUEUE:
        case HAPPENING_PASSED:
        case HAPPENING_UNPASSED:
        case HAPPENING_EMPTY:
        case HAPPENING_FLUSH:
        case HAPPENING_DONE:
        case HAPPENING_TIME: /* somebody may wait for a worker with room */
                return FLEET_NEEDS_PULSES;
        default:
                return FLEET_NEEDS_NOTHING;
        }
}

void fleet_see(struct fleet *f, unsigned int slot, unsigned int seat, const struct seen *seen, bool lies) {
        struct seat *s = &f->seats[slot][seat];

        s->lies |= lies;
        s->seen = *seen;
        /* Connections that another program passed to it, before an upgrade, are not counted before it has taken them over. */
        if (s->n_passed < seen->taken_over)
                s->n_passed = seen->taken_over;
}

/* ---- the seats' machines ---- */

static void begin_life(struct fleet *f, struct seat *seat, uint64_t now_ms) {
        seat->life = ++f->n_lives;
        seat->pid = 0;
        seat->cause = RESTMARK_CAUSE_START;
        seat->doomed = seat->lies = seat->unresponsive = seat->retired = false;
        seat->deaf_ms = seat->n_passed = 0;
        seat->started_ms = now_ms;
        seat->seen = (struct seen){ 0 };
}

static struct slot_change step(struct fleet *f, struct seat *seat, enum slot_event event, uint64_t now_ms) {
        struct slot_change change = { .event = event, .before = seat->slot.state };
        const bool was_in_crash_loop = slot_is_in_crash_loop(&seat->slot);

        change.action = slot_step(&seat->slot, event, now_ms, f->current.mercy_ms);
        change.after = seat->slot.state;
        change.life = seat->life;
        change.ends_crash_loop = was_in_crash_loop && change.after == RESTMARK_SLOT_READY && !slot_is_in_crash_loop(&seat->slot);
        if (change.action == SLOT_ACTION_FORK)
                begin_life(f, seat, now_ms);
        if (change.action == SLOT_ACTION_DRAIN) /* what waits in sockets that stay open when the daemon stops is for the next one */
                seat->retired = !f->stopping || f->is_given;
        if (change.before != change.after && change.after == RESTMARK_SLOT_READY && seat->cause == RESTMARK_CAUSE_START)
                seat->cause = RESTMARK_CAUSE_CRASH; /* what it would be from now on */
        return change;
}

static void step_later(struct fleet *f, unsigned int slot, unsigned int seat, enum slot_event event, uint64_t now_ms, struct happenings *queue) {
        struct happening h = { .kind = HAPPENING_CHANGED, .slot = slot, .seat = seat, .has_change = true };

        h.change = step(f, &f->seats[slot][seat], event, now_ms);
        if (h.change.action != SLOT_ACTION_NONE || h.change.before != h.change.after || h.change.ends_crash_loop)
                happenings_push(queue, &h);
}

/* Which comes before what it was to stop for. */
static bool is_stuck(enum restmark_cause cause) {
        return cause == RESTMARK_CAUSE_HARAKIRI || cause == RESTMARK_CAUSE_WEDGED;
}

/* Unless somebody has named another cause before. */
static void blame(struct seat *seat, enum restmark_cause cause) {
        if (is_stuck(cause) || seat->cause == RESTMARK_CAUSE_START || seat->cause == RESTMARK_CAUSE_CRASH)
                seat->cause = cause;
}

/* ---- what has happened ---- */

static void end_life(struct fleet *f, struct happening *h, uint64_t now_ms) {
        struct seat *seat = &f->seats[h->slot][h->seat];
        bool refuses = h->life.refuses;

        h->has_change = true;
        if (seat->on_probation || seat->once)
                seat->slot.stopping = true;
        h->life.pid = seat->pid;
        h->life.generation = seat->generation;
        h->life.cause = seat->cause;
        h->life.asked_to_stop = seat->slot.stopping;
        seat->pid = 0;
        seat->unresponsive = false;
        refuses = refuses && !seat->slot.stopping && h->slot < f->n_proven; /* else its failure ends the growth, and not the daemon */
        if (refuses && f->awaited == (int)h->slot && h->seat == fleet_other(f, h->slot)) { /* the worker that it was to replace goes on */
                seat->slot.stopping = true;
                refuses = false;
        }
        seat->refusal = refuses ? h->life.status : 0;
        h->change = step(f, seat, refuses ? SLOT_EVENT_REFUSED : SLOT_EVENT_EXITED, now_ms);
}

static void fail_to_begin_life(struct fleet *f, struct happening *h, uint64_t now_ms) {
        struct seat *seat = &f->seats[h->slot][h->seat];

        seat->slot.stopping |= seat->on_probation || seat->once;
        seat->refusal = 0;
        h->has_change = true;
        h->change = step(f, seat, SLOT_EVENT_EXITED, now_ms);
}

static void pass_time(struct fleet *f, uint64_t now_ms, struct happenings *queue) {
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        uint64_t timer_ms = slot_timer_ms(&f->seats[i][seat].slot);

                        if (timer_ms != 0 && now_ms >= timer_ms)
                                step_later(f, i, seat, SLOT_EVENT_TIMER, now_ms, queue);
                }
}

void fleet_apply(struct fleet *f, struct happening *h, uint64_t now_ms, struct happenings *queue) {
        struct seat *seat = &f->seats[h->slot][h->seat];

        switch (h->kind) {
        case HAPPENING_TIME:
                pass_time(f, now_ms, queue);
                break;
        case HAPPENING_FORKED:
                seat->pid = h->pid;
                seat->dice = h->dice;
                break;
        case HAPPENING_FORK_FAILED:
                fail_to_begin_life(f, h, now_ms);
                break;
        case HAPPENING_READY:
                h->has_change = true;
                h->change = step(f, seat, SLOT_EVENT_READY, now_ms);
                break;
        case HAPPENING_EXITED:
                end_life(f, h, now_ms);
                break;
        case HAPPENING_DEAF:
                seat->deaf_ms = now_ms;
                break;
        case HAPPENING_PASSED:
                seat->n_passed++;
                break;
        case HAPPENING_LOADED:
                f->next = h->ok ? h->policy : (struct policy){ 0 };
                break;
        default:
                break;
        }
}

/* ---- what is wanted ---- */

static void start(struct fleet *f, const struct intent *i, uint64_t now_ms, struct happenings *queue) {
        const struct policy *policy = i->flag ? &f->next : &f->current;

        f->seats[i->slot][i->seat] = (struct seat){ .slot = { .state = RESTMARK_SLOT_EMPTY, .limited = i->seat != fleet_own(f, i->slot) },
                                                    .generation = policy->number,
                                                    .max_connections = policy->max_connections,
                                                    .traces = policy->traces,
                                                    .on_probation = i->flag,
                                                    .once = i->once };
        step_later(f, i->slot, i->seat, SLOT_EVENT_START, now_ms, queue);
}

static void wish(struct fleet *f, const struct intent *i) {
        struct wish *wish = &f->wishes[i->slot];
        enum merge merge = wish_merge(f, i->slot, i->cause);

        if (merge == MERGE_REFUSE)
                return;
        if (merge == MERGE_TAKE)
                *wish = (struct wish){ .wanted = true, .order = ++f->n_wishes };
        if (merge != MERGE_JOIN)
                wish->cause = i->cause;
        wish->not_before_ms = 0;
        wish->pid = fleet_primary(f, i->slot)->pid;
        if (i->ticket != 0) {
                wish->ticket = i->ticket;
                wish->asked_ms = (uint64_t)i->number;
                wish->drained_pid = wish->pid;
        }
}

static void swap(struct fleet *f, unsigned int slot) {
        f->primary[slot] = (uint8_t)fleet_other(f, slot);
        f->seats[slot][f->primary[slot]].once = false;
        if (f->awaited == (int)slot)
                f->awaited = -1;
}

static void commit(struct fleet *f, const struct intent *i) {
        f->current = f->next;
        f->next = (struct policy){ 0 };
        f->seats[i->slot][i->seat].on_probation = false;
}

/* What concerns one seat. */
static void change_seat(struct fleet *f, const struct intent *i, uint64_t now_ms, struct happenings *queue) {
        struct seat *seat = &f->seats[i->slot][i->seat];
        struct happening h;

        switch (i->kind) {
        case INTENT_ORDER:
                if (seat->slot.state == RESTMARK_SLOT_EMPTY && !f->stopping) /* who it was for is gone */
                        break;
                blame(seat, i->cause);
                step_later(f, i->slot, i->seat, i->event, now_ms, queue);
                break;
        case INTENT_FREE:
                *seat = (struct seat){ .slot = { .state = RESTMARK_SLOT_EMPTY } };
                break;
        case INTENT_RETIRED:
                seat->retired = true;
                break;
        case INTENT_DOOM:
                if (is_stuck(i->cause))
                        blame(seat, i->cause);
                seat->doomed = true;
                break;
        case INTENT_RESPONDS:
                seat->unresponsive = !i->flag;
                break;
        case INTENT_HAPPEN:
                h = i->happening;
                h.text = (char *)i->text;
                happenings_push(queue, &h);
                break;
        default:
                break;
        }
}

void fleet_change(struct fleet *f, const struct intent *i, uint64_t now_ms, struct happenings *queue) {
        switch (i->kind) {
        case INTENT_START:
                start(f, i, now_ms, queue);
                break;
        case INTENT_SWAP:
                swap(f, i->slot);
                break;
        case INTENT_WISH:
                wish(f, i);
                break;
        case INTENT_UNWISH:
                f->wishes[i->slot].wanted = false;
                break;
        case INTENT_POSTPONE:
                f->wishes[i->slot].not_before_ms = (uint64_t)i->number;
                f->wishes[i->slot].failures++;
                break;
        case INTENT_AWAIT:
                f->awaited = (int)i->number;
                break;
        case INTENT_FACT:
                f->facts[i->fact] = i->flag;
                break;
        case INTENT_WORKERS:
                f->n_workers = (unsigned int)i->number;
                break;
        case INTENT_SLOTS:
                f->n_slots = (unsigned int)i->number;
                break;
        case INTENT_PROVEN:
                f->n_proven = (unsigned int)i->number;
                break;
        case INTENT_COMMIT:
                commit(f, i);
                break;
        case INTENT_SERVE:
                f->was_ready = true;
                break;
        case INTENT_STOPPING:
                f->stopping = true;
                f->exit_code = (int)i->number;
                break;
        default:
                change_seat(f, i, now_ms, queue);
                break;
        }
}
