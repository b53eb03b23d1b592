#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fleet/wish.h"
#include "world.h"

enum {
        AT_ONCE_MAX = 20000, /* happenings of one moment */
        TICKET_PATIENCE_MS = 60 * 60 * 1000, /* longest wait for an answer: reloads and drains wait for each other, each for its mercy */
        STOP_PATIENCE_MS = 120 * 1000,       /* mercy is shorter, and so is what a kill takes */
};

static const struct fleet *facts(const struct world_state *w) {
        return &w->plans->fleet;
}

static bool lives(const struct worker *worker) {
        return worker->phase != WORKER_NONE && worker->phase != WORKER_IS_DEAD;
}

/* ---- after each happening ---- */

static void check_seat(struct world_state *w, unsigned int slot, unsigned int seat) {
        const struct worker *worker = &w->workers[slot][seat];
        const struct seat *s = &facts(w)->seats[slot][seat];
        bool is_empty = s->slot.state == RESTMARK_SLOT_EMPTY;

        if (is_empty && worker->phase != WORKER_NONE)
                world_fail(w, "slot %u seat %u is forgotten: it is empty, and has process %d", slot, seat, (int)worker->pid);
        if (!facts(w)->stopping && is_empty != (s->generation == 0))
                world_fail(w, "slot %u seat %u is in state %d with generation %u", slot, seat, (int)s->slot.state, s->generation);
        if (s->pid != 0 && worker->phase == WORKER_NONE)
                world_fail(w, "slot %u seat %u has process %d, which is none", slot, seat, (int)s->pid);
        if (s->on_probation && !facts(w)->stopping && s->generation != facts(w)->next.number && s->slot.state != RESTMARK_SLOT_STOPPED && lives(worker))
                world_fail(w, "slot %u seat %u is on probation of generation %u, and the next one is %u", slot, seat, s->generation,
                           facts(w)->next.number);
}

void world_check(struct world_state *w) {
        const struct fleet *f = facts(w);

        w->n_happenings++;
        w->n_at_once = w->now_ms == w->checked_ms ? w->n_at_once + 1 : 0;
        w->checked_ms = w->now_ms;
        if (w->n_at_once > AT_ONCE_MAX)
                world_fail(w, "one thing leads to another without end");
        if (w->executes || w->returns)
                return;
        if (f->n_workers < 1 || f->n_workers > f->n_slots || f->n_slots > w->n_sockets)
                world_fail(w, "%u workers in %u slots with %u sockets", f->n_workers, f->n_slots, w->n_sockets);
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX && i < w->n_sockets + 2; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        check_seat(w, i, seat);
        if (f->awaited >= 0 && fleet_beside(f, (unsigned int)f->awaited)->slot.state == RESTMARK_SLOT_EMPTY && !f->stopping)
                world_fail(w, "the new worker of slot %d is awaited, and its seat is empty", f->awaited);
        if (f->current.number != w->current.number)
                world_fail(w, "generation %u is current, and outside it is %u", f->current.number, w->current.number);
}

/* ---- after all of a moment ---- */

static void check_slot(struct world_state *w, unsigned int slot) {
        const struct fleet *f = facts(w);
        const struct seat *own = fleet_primary(f, slot), *beside = fleet_beside(f, slot);

        if (slot < f->n_workers && (own->slot.state == RESTMARK_SLOT_EMPTY || own->slot.state == RESTMARK_SLOT_STOPPED))
                world_fail(w, "slot %u is forgotten: its own seat is in state %d", slot, (int)own->slot.state);
        if (beside->slot.state == RESTMARK_SLOT_STOPPED || (slot >= f->n_workers && own->slot.state == RESTMARK_SLOT_STOPPED))
                world_fail(w, "a seat of slot %u has stopped, and nobody frees it", slot);
        if (beside->on_probation && beside->slot.state == RESTMARK_SLOT_STARTING && w->now_ms > beside->started_ms + w->next.canary_timeout_ms)
                world_fail(w, "the canary is not ready in time, and nobody minds");
        if (beside->slot.state == RESTMARK_SLOT_BACKOFF && f->awaited != (int)slot && !beside->on_probation)
                world_fail(w, "the worker beside in slot %u waits to be started again, and nobody awaits it", slot);
}

/* Nobody is steered to a slot without a worker while another has one. */
static void check_rotation(struct world_state *w) {
        unsigned int slots[RESTMARK_SLOTS_MAX];
        size_t n = 0;

        for (unsigned int i = 0; i < facts(w)->n_workers; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        const struct seat *s = &facts(w)->seats[i][seat];

                        if (s->slot.state == RESTMARK_SLOT_READY && !s->on_probation && !s->doomed && !s->unresponsive && (n == 0 || slots[n - 1] != i))
                                slots[n++] = i;
                }
        if (n > 0 && !w->plans->rotation.has_failed && (n != w->n_rotation || memcmp(slots, w->rotation, n * sizeof *slots) != 0))
                world_fail(w, "%zu slots serve, and the rotation has %zu, or others", n, w->n_rotation);
}

/* Who waits where nobody serves is seen by somebody who can. */
static void check_queues(struct world_state *w) {
        const struct fleet *f = facts(w);
        bool can = false;

        for (unsigned int i = 0; i < f->n_workers; i++)
                can |= fleet_serves_queues(&f->seats[i][0]) || fleet_serves_queues(&f->seats[i][1]);
        for (unsigned int i = 0; i < f->n_slots; i++) {
                bool served = i < f->n_workers && (fleet_serves_queues(&f->seats[i][0]) || fleet_serves_queues(&f->seats[i][1]));

                if (can && !served && !w->watched[i])
                        world_fail(w, "nobody serves the queue of slot %u, and nobody watches it", i);
                if (served && w->watched[i])
                        world_fail(w, "the queue of slot %u is watched, and its worker serves it", i);
        }
        if (w->holds && !w->is_paused)
                world_fail(w, "a connection is held, and nobody waits to pass it on");
        if (w->is_paused && plans_wake_ms(w->plans) > w->now_ms + RELAY_PAUSE_MS)
                world_fail(w, "the relay pauses for too long");
}

static void check_tickets(struct world_state *w) {
        for (size_t i = 0; i < w->n_tickets; i++)
                if (w->now_ms - w->tickets[i].asked_ms > TICKET_PATIENCE_MS)
                        world_fail(w, "ticket %llu of topic %d is not answered for an hour", (unsigned long long)w->tickets[i].number,
                                   (int)w->tickets[i].topic);
}

void world_check_settled(struct world_state *w) {
        const struct fleet *f = facts(w);

        check_tickets(w);
        if (w->stopped_ms != 0 && w->now_ms - w->stopped_ms > STOP_PATIENCE_MS)
                world_fail(w, "the stop does not end");
        if (f->stopping || w->has_exited)
                return;
        for (unsigned int i = 0; i < f->n_slots; i++)
                check_slot(w, i);
        check_rotation(w);
        check_queues(w);
        if (!f->was_ready && fleet_count_ready(f) == f->n_workers)
                world_fail(w, "all workers are ready, and the daemon does not say so");
        if (w->systemd_awaits && f->was_ready && !f->facts[FACT_RELOADS])
                world_fail(w, "systemd is not told that the reload is over");
}

/* ---- before an intent ---- */

/* A worker leaves only when another serves in its place. */
static void check_promise(struct world_state *w, const struct intent *i) {
        const struct fleet *f = facts(w);
        const struct seat *other = &f->seats[i->slot][!i->seat];
        bool is_going = i->message == MESSAGE_RETIRE || i->message == MESSAGE_STOP;

        if (!is_going || f->stopping || i->slot >= f->n_workers || w->workers[i->slot][i->seat].phase != WORKER_SERVES)
                return;
        /* One whose word is not heard is not counted on: as far as the master knows it is still starting. */
        if (w->workers[i->slot][i->seat].is_mute)
                return;
        /* One that was to go with its slot, which is wanted again, goes: the new one is on its way. */
        if (f->seats[i->slot][i->seat].cause == RESTMARK_CAUSE_SCALE)
                return;
        if (other->slot.state != RESTMARK_SLOT_READY || other->on_probation || w->workers[i->slot][!i->seat].phase == WORKER_NONE)
                world_fail(w, "the worker of slot %u is told to leave before another serves in its place", i->slot);
}

static uint64_t back_off_ms(const struct seat_history *history) {
        unsigned int n = history->failures + (history->short_lives > 1 ? history->short_lives - 1 : 0);
        uint64_t ms = 100;

        for (unsigned int i = 1; i < n && ms < 5000; i++)
                ms *= 2;
        return n == 0 ? 0 : ms < 5000 ? ms : 5000;
}

static void check_fork(struct world_state *w, const struct intent *i) {
        const struct seat *s = &facts(w)->seats[i->slot][i->seat];
        const struct seat_history *history = &w->histories[i->slot][i->seat];

        if (w->workers[i->slot][i->seat].phase != WORKER_NONE)
                world_fail(w, "two workers in seat %u of slot %u", i->seat, i->slot);
        if (w->now_ms < history->ended_ms + back_off_ms(history))
                world_fail(w, "slot %u starts a worker %llu ms after the last one failed (%u failed, %u short lives)", i->slot,
                           (unsigned long long)(w->now_ms - history->ended_ms), history->failures, history->short_lives);
        /* A stop may come between the decision and the fork. It discards the generation, which the worker keeps until it has stopped. */
        if (s->on_probation ? s->generation != w->next.number && !facts(w)->stopping : s->generation > w->current.number)
                world_fail(w, "slot %u starts a worker of generation %u, and %u is the current one", i->slot, s->generation, w->current.number);
}

/* It serves, and the master does not know that yet: only when its time to start is over has it deserved an end without notice. */
static void check_killing_unheard(struct world_state *w, const struct intent *i) {
        const struct worker *worker = &w->workers[i->slot][i->seat];
        const struct seat *seat = &facts(w)->seats[i->slot][i->seat];

        if (i->kind == INTENT_KILL && worker->phase == WORKER_SERVES && worker->accepts && worker->is_mute && !worker->is_asked_to_go &&
            !facts(w)->stopping && w->now_ms < seat->started_ms + SLOT_START_MS && !worker->lies && !worker->is_deaf)
                world_fail(w, "slot %u: process %d is killed while it serves, as its word is not heard yet", i->slot, (int)worker->pid);
}

/* Whoever is killed or passed over has deserved it. */
static void check_blame(struct world_state *w, const struct intent *i) {
        const struct worker *worker = &w->workers[i->slot][i->seat];

        if (!lives(worker))
                return;
        if (i->kind == INTENT_TRACE && !worker->is_stuck)
                world_fail(w, "slot %u: process %d is killed as stuck, and is well", i->slot, (int)worker->pid);
        /* Of a standstill the master excuses what is later than its own next look, which is a second off at most: several leave seconds. */
        if (i->kind == INTENT_RESPONDS && !i->flag && !worker->is_stuck && worker->n_freezes <= 1)
                world_fail(w, "slot %u: process %d is said to be silent, and is well", i->slot, (int)worker->pid);
        if (i->kind == INTENT_CONDEMN && !worker->lies && !worker->is_deaf)
                world_fail(w, "slot %u: process %d is condemned, and is well", i->slot, (int)worker->pid);
        if (i->kind == INTENT_KILL && worker->phase == WORKER_SERVES && !worker->is_asked_to_go && !worker->is_mute && !facts(w)->stopping &&
            i->seat == fleet_own(facts(w), i->slot) && i->slot < facts(w)->n_workers)
                world_fail(w, "slot %u: its own worker, process %d, is killed while it serves", i->slot, (int)worker->pid);
        check_killing_unheard(w, i);
}

static void check_closing(struct world_state *w, unsigned int n) {
        if (n < facts(w)->n_workers)
                world_fail(w, "the sockets of slot %u are closed, and it is wanted", n);
        for (unsigned int i = n; i < w->n_sockets; i++) {
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (w->workers[i][seat].phase != WORKER_NONE)
                                world_fail(w, "the sockets of slot %u are closed, and it has a worker", i);
                if (w->waiting[i] > 0)
                        world_fail(w, "the sockets of slot %u are closed, and %u clients wait there", i, w->waiting[i]);
        }
}

/* A slot's worker is replaced when nobody is examined, and for a reason. */
static void check_start(struct world_state *w, const struct intent *i) {
        const struct fleet *f = facts(w);

        if (!i->flag && i->seat != fleet_own(f, i->slot) && f->facts[FACT_EXAMINES])
                world_fail(w, "a worker starts beside that of slot %u while a canary is examined", i->slot);
        if (f->stopping)
                world_fail(w, "a worker starts in slot %u during the stop", i->slot);
}

static void check_wish(struct world_state *w, const struct intent *i) {
        const struct policy *p = &facts(w)->current;

        if ((i->cause == RESTMARK_CAUSE_LIFETIME && p->max_lifetime_ms == 0) || (i->cause == RESTMARK_CAUSE_MAX_REQUESTS && p->max_requests == 0) ||
            i->cause == RESTMARK_CAUSE_RSS || i->cause == RESTMARK_CAUSE_PSS)
                world_fail(w, "slot %u is recycled for cause %d, and has no such limit", i->slot, (int)i->cause);
}

static void check_status(struct world_state *w, const struct intent *i) {
        unsigned int n_ready = 0, n_workers = 0;

        if (i->notice != NOTICE_STATUS && i->notice != NOTICE_READY)
                return;
        if (sscanf(i->text, "%u of %u workers ready", &n_ready, &n_workers) != 2 || n_ready != fleet_count_ready(facts(w)) ||
            n_workers != facts(w)->n_workers)
                world_fail(w, "systemd is told: %s", i->text);
}

static void check_taking(struct world_state *w, const struct intent *i) {
        const struct seat *to = &facts(w)->seats[i->to_slot][i->to_seat];

        if (to->on_probation || (to->slot.state != RESTMARK_SLOT_READY && to->slot.state != RESTMARK_SLOT_DRAINING))
                world_fail(w, "a connection is passed to slot %u, whose worker takes none", i->to_slot);
        if (i->flag != w->holds)
                world_fail(w, "a connection is %s held", i->flag ? "not" : "already");
        if (to->n_passed > to->seen.taken_over + 16)
                world_fail(w, "slot %u is passed more than it takes over", i->to_slot);
}

/* A reload has ended in the new generation, or the old one goes on. */
static void check_reload(struct world_state *w, bool ok) {
        const struct fleet *f = facts(w);

        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        unsigned int generation = f->seats[i][seat].generation;

                        if (generation > f->current.number && !f->stopping)
                                world_fail(w, "the reload is over, and slot %u has generation %u", i, generation);
                        if (ok && i < f->n_workers && generation != 0 && generation != f->current.number)
                                world_fail(w, "the reload is done, and slot %u has generation %u in state %d (%s)", i, generation, (int)f->seats[i][seat].slot.state, seat == fleet_own(f, i) ? "own" : "beside");
                }
}

void world_check_intent(struct world_state *w, const struct intent *i) {
        switch (i->kind) {
        case INTENT_TELL:
                check_promise(w, i);
                break;
        case INTENT_FORK:
                check_fork(w, i);
                break;
        case INTENT_KILL:
        case INTENT_TRACE:
        case INTENT_CONDEMN:
        case INTENT_RESPONDS:
                check_blame(w, i);
                break;
        case INTENT_START:
                check_start(w, i);
                break;
        case INTENT_WISH:
                check_wish(w, i);
                break;
        case INTENT_NOTIFY:
                check_status(w, i);
                break;
        case INTENT_COMMIT:
                if (w->fails_examination)
                        world_fail(w, "a generation is the current one whose canary has answered wrongly");
                break;
        case INTENT_CLOSE:
                check_closing(w, (unsigned int)i->number);
                break;
        case INTENT_TAKE:
                check_taking(w, i);
                break;
        case INTENT_COUNT_RELOAD:
                check_reload(w, i->flag);
                break;
        case INTENT_EXECUTE:
        case INTENT_RETURN:
                if (!fleet_can_be_handed_over(facts(w)) || w->plans->queue.n > 0 || w->holds)
                        world_fail(w, "another program is executed in the middle of something");
                break;
        case INTENT_EXIT:
                if (w->stopped_ms == 0 && i->number == 0)
                        world_fail(w, "the daemon ends, and nobody has asked for it");
                break;
        default:
                break;
        }
}
