#include "world.h"

#include <signal.h>
#include <string.h>
#include <sysexits.h>

/* ---- the queue ---- */

void world_report(struct world_state *w, enum happening_kind kind, unsigned int slot, unsigned int seat) {
        world_note(w, "  happening %d, slot %u seat %u", (int)kind, slot, seat);
        happenings_push(&w->plans->queue, &(struct happening){ .kind = kind, .slot = slot, .seat = seat });
}

static void report_text(struct world_state *w, struct happening h, const char *text) {
        h.text = (char *)text;
        world_note(w, "  happening %d, %s", (int)h.kind, text ? text : h.ok ? "ok" : "");
        happenings_push(&w->plans->queue, &h);
}

/* ---- workers ---- */

static void decide_fate(struct world_state *w, struct worker *k, bool on_probation) {
        k->next_ms = w->now_ms + 1 + world_random(w, 50);
        k->accepts = !on_probation;
        if (world_one_in(w, 8)) { /* it dies before it is ready */
                k->dies_ms = k->next_ms;
                k->next_ms = 0;
                k->exit_code = world_one_in(w, 6) ? EX_CONFIG : 71;
        } else if (world_one_in(w, 60))
                k->is_mute = true;
        else if (world_one_in(w, 100))
                k->next_ms += 40000; /* too late */
        else if (world_one_in(w, 3)) { /* it dies soon, or some time */
                k->dies_ms = k->next_ms + 1 + world_random(w, world_one_in(w, 3) ? 900 : 600000);
                k->signal = SIGSEGV;
        }
}

static void fork_worker(struct world_state *w, unsigned int slot, unsigned int seat) {
        struct happening h = { .kind = HAPPENING_FORKED, .slot = slot, .seat = seat };
        struct worker *k = &w->workers[slot][seat];

        if (world_one_in(w, 40)) {
                w->histories[slot][seat].failures++;
                w->histories[slot][seat].ended_ms = w->now_ms;
                h.kind = HAPPENING_FORK_FAILED;
                report_text(w, h, "no memory");
                return;
        }
        *k = (struct worker){ .phase = WORKER_STARTS, .pid = ++w->last_pid };
        decide_fate(w, k, w->plans->fleet.seats[slot][seat].on_probation);
        h.pid = k->pid;
        h.dice = world_random(w, UINT32_MAX);
        world_note(w, "slot %u seat %u forks process %d", slot, seat, (int)k->pid);
        happenings_push(&w->plans->queue, &h);
}

void world_end_worker(struct world_state *w, unsigned int slot, unsigned int seat) {
        struct worker *k = &w->workers[slot][seat];
        struct seat_history *history = &w->histories[slot][seat];
        struct happening h = { .kind = HAPPENING_EXITED, .slot = slot, .seat = seat };

        h.life.code = k->signal ? CLD_KILLED : CLD_EXITED;
        h.life.status = k->signal ? k->signal : k->exit_code;
        h.life.refuses = !k->signal && k->exit_code == EX_CONFIG;
        h.life.requests = k->requests;
        if (k->ready_ms == 0)
                history->failures++;
        else if (w->now_ms < k->ready_ms + SLOT_HEALTHY_MS)
                history->short_lives++;
        else
                history->short_lives = 0;
        history->ended_ms = w->now_ms;
        k->phase = WORKER_IS_DEAD;
        world_note(w, "process %d ends: %d %d", (int)k->pid, h.life.code, h.life.status);
        happenings_push(&w->plans->queue, &h);
}

static void kill_worker(struct world_state *w, unsigned int slot, unsigned int seat) {
        struct worker *k = &w->workers[slot][seat];

        if (k->phase == WORKER_NONE || k->phase == WORKER_IS_DEAD)
                return;
        k->signal = SIGKILL;
        k->dies_ms = w->now_ms + 1 + world_random(w, world_one_in(w, 20) ? 3000 : 20);
        k->next_ms = 0;
}

/* Messages may be lost, or come when the worker can not hear them. */
static void tell(struct world_state *w, const struct intent *i) {
        struct worker *k = &w->workers[i->slot][i->seat];

        world_note(w, "process %d is told %d", (int)k->pid, (int)i->message);
        k->is_asked_to_go |= i->message == MESSAGE_STOP || i->message == MESSAGE_RETIRE;
        if (k->phase == WORKER_NONE || k->phase == WORKER_IS_DEAD || k->is_stuck)
                return;
        k->told_stop |= i->message == MESSAGE_STOP;
        k->told_retire |= i->message == MESSAGE_RETIRE;
        k->told_leave |= i->message == MESSAGE_LEAVE;
        if (i->message == MESSAGE_ACCEPT)
                k->accepts = true;
        else if (world_one_in(w, 50)) /* lost */
                return;
        else {
                k->phase = WORKER_DRAINS;
                k->accepts = k->accepts && i->message == MESSAGE_STOP;
                k->next_ms = w->now_ms + 1 + world_random(w, world_one_in(w, 10) ? 40000 : 300);
                k->dies_ms = 0;
                k->exit_code = k->signal = 0;
        }
}

/* ---- queues ---- */

static void take(struct world_state *w, const struct intent *i) {
        struct worker *to = &w->workers[i->to_slot][i->to_seat];
        struct happening h = { .kind = HAPPENING_PASSED, .slot = i->to_slot, .seat = i->to_seat };

        if (!w->holds && w->waiting[i->slot] == 0) {
                happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_EMPTY, .slot = i->slot, .address = i->address });
                return;
        }
        if (!w->holds && world_one_in(w, 100)) {
                happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_SHORT, .slot = i->slot, .address = i->address });
                return;
        }
        if (!w->holds)
                w->waiting[i->slot]--;
        w->holds = to->phase == WORKER_NONE || to->phase == WORKER_IS_DEAD || world_one_in(w, 30);
        if (w->holds)
                h.kind = HAPPENING_UNPASSED;
        else {
                to->passed++;
                w->n_connections++;
        }
        happenings_push(&w->plans->queue, &h);
}

/* ---- generations and programs ---- */

static void load(struct world_state *w, const struct intent *i) {
        struct happening h = { .kind = HAPPENING_LOADED, .ok = i->flag || !world_one_in(w, 6) };

        if (!h.ok) {
                report_text(w, h, "the configuration is wrong");
                return;
        }
        if (!i->flag) {
                w->next = w->current;
                if (world_one_in(w, 4))
                        w->next.n_workers = 1 + (unsigned int)world_random(w, WORLD_WORKERS_MAX);
                w->next.harakiri_ms = world_one_in(w, 2) ? 0 : 5000;
                w->next.max_requests = world_one_in(w, 2) ? 0 : 1000 + world_random(w, 5000);
                w->next.max_lifetime_ms = world_one_in(w, 2) ? 0 : 20000 + world_random(w, 100000);
        }
        w->next.number = (unsigned int)i->number;
        h.policy = w->next;
        happenings_push(&w->plans->queue, &h);
}

static void execute(struct world_state *w) {
        if (world_one_in(w, 5))
                report_text(w, (struct happening){ .kind = HAPPENING_STAYED }, "it cannot be executed");
        else if (world_one_in(w, 5))
                world_report(w, HAPPENING_OUTDATED, 0, 0);
        else
                w->executes = true;
        if (w->executes)
                *w->handed_over = w->plans->fleet;
}

/* ---- what plans want ---- */

static void perform_outside(struct world_state *w, const struct intent *i) {
        struct happening h = i->happening;

        switch (i->kind) {
        case INTENT_OPEN:
                h = (struct happening){ .kind = HAPPENING_OPENED, .number = (uint64_t)i->number };
                if (world_one_in(w, 10)) {
                        report_text(w, h, "no more sockets");
                        break;
                }
                w->n_sockets = (unsigned int)i->number;
                happenings_push(&w->plans->queue, &h);
                break;
        case INTENT_CLOSE:
                w->n_sockets = (unsigned int)i->number;
                break;
        case INTENT_WATCH:
                w->watched[i->slot] = i->flag;
                break;
        case INTENT_PAUSE:
                w->is_paused = i->flag;
                break;
        case INTENT_TAKE:
                take(w, i);
                break;
        case INTENT_STEER:
                if (world_one_in(w, 200)) {
                        world_report(w, HAPPENING_UNSTEERED, 0, 0);
                        break;
                }
                w->n_rotation = i->n;
                memcpy(w->rotation, i->slots, i->n * sizeof *i->slots);
                break;
        case INTENT_MEASURE:
                report_text(w, h, world_one_in(w, 10) ? "no room" : NULL);
                break;
        default:
                break;
        }
}

static void perform_programs(struct world_state *w, const struct intent *i) {
        switch (i->kind) {
        case INTENT_LOAD:
                load(w, i);
                break;
        case INTENT_DISCARD:
                w->next = (struct policy){ 0 };
                w->examined_ms = 0;
                break;
        case INTENT_COMMIT:
                w->current = w->next;
                w->next = (struct policy){ 0 };
                w->n_reloads++;
                break;
        case INTENT_NOTIFY:
                if (i->notice == NOTICE_RELOADING || i->notice == NOTICE_READY)
                        w->systemd_awaits = i->notice == NOTICE_RELOADING;
                break;
        case INTENT_EXAMINE:
                w->fails_examination = false;
                w->examined_ms = w->now_ms + 1 + world_random(w, (uint64_t)i->number);
                break;
        case INTENT_TRY:
                w->tried_ms = w->now_ms + 1 + world_random(w, 2000);
                break;
        case INTENT_UNTRY:
                w->tried_ms = 0;
                break;
        case INTENT_AWAIT_IDLE:
                w->awaits_idle = true;
                break;
        case INTENT_EXECUTE:
                execute(w);
                break;
        case INTENT_RETURN:
                w->returns = !world_one_in(w, 4);
                if (w->returns)
                        *w->handed_over = w->plans->fleet;
                break;
        case INTENT_KEEP:
                w->is_upgrade = false;
                break;
        case INTENT_EXIT:
                w->has_exited = true;
                break;
        default:
                break;
        }
}

void world_perform(void *context, const struct intent *i) {
        struct world_state *w = context;
        struct worker *k = &w->workers[i->slot][i->seat];

        if (w->executes || w->returns) /* this program runs no more */
                return;
        world_check_intent(w, i);
        switch (i->kind) {
        case INTENT_LOG:
        case INTENT_REPLY:
                world_note(w, "    %s: %.100s", i->kind == INTENT_LOG ? "log" : "reply", i->text);
                if (i->kind == INTENT_REPLY)
                        world_reply(w, i);
                break;
        case INTENT_START: /* nothing of those that had the seat before counts */
                w->histories[i->slot][i->seat] = (struct seat_history){ 0 };
                break;
        case INTENT_STOPPING:
                w->stopped_ms = w->now_ms;
                break;
        case INTENT_FORK:
                fork_worker(w, i->slot, i->seat);
                break;
        case INTENT_TELL:
                tell(w, i);
                break;
        case INTENT_KILL:
        case INTENT_TRACE:
        case INTENT_CONDEMN:
                world_note(w, "process %d is killed (%d)", (int)k->pid, (int)i->kind);
                kill_worker(w, i->slot, i->seat);
                break;
        case INTENT_CERTIFY:
                if (k->phase != WORKER_IS_DEAD)
                        world_fail(w, "process %d is certified, and lives", (int)k->pid);
                *k = (struct worker){ 0 };
                break;
        default:
                perform_outside(w, i);
                perform_programs(w, i);
                break;
        }
}

void world_look(void *context, enum fleet_needs needs) {
        struct world_state *w = context;
        struct fleet *f = &w->plans->fleet;

        world_check(w);
        if (needs == FLEET_NEEDS_NOTHING)
                return;
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        struct worker *k = &w->workers[i][seat];
                        struct seen seen = f->seats[i][seat].seen;

                        if (k->phase == WORKER_NONE || k->phase == WORKER_IS_DEAD)
                                continue;
                        if (!k->is_stuck && w->now_ms >= k->wakes_ms) {
                                k->busy_ms = 0;
                                k->n_freezes = 0;
                                k->taken_over = k->passed;
                                k->requests += world_random(w, 50);
                                seen.beat_ms = w->now_ms - world_random(w, w->now_ms < 900 ? 1 : 900);
                        }
                        seen.taken_over = k->taken_over;
                        seen.working_since_ms = k->is_stuck_in_request ? k->stuck_ms : k->busy_ms;
                        if (needs == FLEET_NEEDS_ALL)
                                seen.requests = k->requests;
                        fleet_see(f, i, seat, &seen, k->lies);
                }
}
