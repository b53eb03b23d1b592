#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum { STORM_MAX = 12 };

static uint64_t now(void *context) {
        return ((const struct world_state *)context)->now_ms;
}

static void run(struct world_state *w) {
        const struct world world = { .now_ms = now, .look = world_look, .perform = world_perform, .context = w };

        plans_run(w->plans, &world);
}

/* ---- the beginning of a daemon, or of another program in its place ---- */

static struct plans *new_plans(struct world_state *w) {
        struct plans *p = calloc(1, sizeof *p);

        if (!p)
                world_fail(w, "no memory");
        p->relay.n_addresses = 1;
        p->upgrade.path = "/usr/sbin/restmarkd";
        p->health.watchdog_ms = world_one_in(w, 2) ? 0 : 10000;
        p->bulletin.is_heard = true;
        return p;
}

static void free_plans(struct world_state *w) {
        if (w->plans)
                happenings_free(&w->plans->queue);
        free(w->plans);
        w->plans = NULL;
}

void world_begin(struct world_state *w) {
        if (w->n_tickets > 0)
                world_fail(w, "ticket %llu of topic %d was never answered", (unsigned long long)w->tickets[0].number, (int)w->tickets[0].topic);
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (w->workers[i][seat].phase != WORKER_NONE)
                                world_fail(w, "the daemon has ended, and process %d lives", (int)w->workers[i][seat].pid);
        free_plans(w);
        w->n_lives++;
        memset(w->histories, 0, sizeof w->histories);
        memset(w->waiting, 0, sizeof w->waiting);
        memset(w->watched, 0, sizeof w->watched);
        memset(w->tickets_given, 0, sizeof w->tickets_given);
        w->n_rotation = 0;
        w->is_paused = w->holds = w->awaits_idle = w->has_exited = w->executes = w->returns = w->is_upgrade = w->systemd_awaits = false;
        w->examined_ms = w->tried_ms = w->stopped_ms = 0;
        w->current = (struct policy){ .number = 1, .max_connections = 20, .mercy_ms = 10000, .canary_timeout_ms = 10000 };
        w->current.n_workers = 1 + (unsigned int)world_random(w, WORLD_WORKERS_MAX);
        w->next = (struct policy){ 0 };
        w->n_sockets = w->current.n_workers;
        w->command_ms = w->now_ms + 1000;
        w->plans = new_plans(w);
        fleet_init(&w->plans->fleet, w->n_sockets, &w->current);
        world_report(w, HAPPENING_BEGIN, 0, 0);
        run(w);
}

/* Who waited for an upgrade waits on, for the one number that the next program knows. */
static void adopt_tickets(struct world_state *w) {
        for (size_t i = 0; i < w->n_tickets; i++) {
                if (w->tickets[i].topic != TOPIC_UPGRADE && !w->returns)
                        world_fail(w, "ticket %llu of topic %d is lost with the program", (unsigned long long)w->tickets[i].number,
                                   (int)w->tickets[i].topic);
                if (w->tickets[i].topic == TOPIC_UPGRADE)
                        w->tickets[i].number = 1;
                else /* on the way back they are cut off, which their clients see */
                        w->tickets[i--] = w->tickets[--w->n_tickets];
        }
        memset(w->tickets_given, 0, sizeof w->tickets_given);
        w->tickets_given[TOPIC_UPGRADE] = 1;
}

static void adopt_seat(struct world_state *w, const struct fleet *from, unsigned int slot) {
        unsigned int own = fleet_own(from, slot);
        const struct seat *s = &from->seats[slot][own];

        w->plans->fleet.primary[slot] = (uint8_t)own;
        w->plans->fleet.seats[slot][own] = (struct seat){ .slot = { .state = s->slot.state, .failures = s->slot.failures, .deadline_ms = s->slot.deadline_ms },
                                                          .pid = s->pid,
                                                          .generation = s->generation,
                                                          .max_connections = s->max_connections,
                                                          .cause = s->slot.state == RESTMARK_SLOT_READY ? RESTMARK_CAUSE_CRASH : RESTMARK_CAUSE_START,
                                                          .started_ms = s->started_ms };
        w->histories[slot][own].short_lives = 0;
        if (w->workers[slot][own].ready_ms != 0 && s->slot.deadline_ms == 0)
                w->workers[slot][own].ready_ms = 1; /* long ago */
}

void world_change_program(struct world_state *w, bool is_return) {
        struct plans *before = w->plans;
        bool was_upgrade = w->is_upgrade;

        if (!is_return && was_upgrade)
                world_fail(w, "an upgrade in the middle of another");
        adopt_tickets(w);
        w->plans = new_plans(w);
        fleet_init(&w->plans->fleet, w->handed_over->n_workers, &w->current);
        for (unsigned int i = 0; i < w->handed_over->n_workers; i++)
                adopt_seat(w, w->handed_over, i);
        w->plans->fleet.was_ready = w->handed_over->was_ready;
        w->plans->upgrade.number = w->plans->upgrade.wanted = 1;
        memset(w->watched, 0, sizeof w->watched);
        w->is_paused = w->awaits_idle = w->executes = w->returns = false;
        w->n_rotation = 0;
        w->examined_ms = w->tried_ms = 0;
        w->is_upgrade = !is_return;
        w->n_upgrades++;
        world_note(w, "another program%s", is_return ? ", which was there before" : "");
        happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_BEGIN, .at_once = true });
        if (is_return) {
                w->next = (struct policy){ 0 };
                happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_STAYED, .text = (char *)"it cannot serve" });
                if (w->plans->fleet.was_ready)
                        world_report(w, HAPPENING_SERVES, 0, 0);
        } else {
                w->next = w->current;
                happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_TAKEN_OVER, .ticket = ++w->tickets_given[TOPIC_RELOAD] });
        }
        happenings_free(&before->queue);
        free(before);
        run(w);
}

/* ---- workers ---- */

static void serve(struct world_state *w, unsigned int slot, unsigned int seat) {
        struct worker *k = &w->workers[slot][seat];

        k->phase = WORKER_SERVES;
        k->next_ms = 0;
        if (k->is_mute)
                return;
        k->ready_ms = w->now_ms;
        w->histories[slot][seat].failures = 0;
        world_report(w, HAPPENING_READY, slot, seat);
}

static void finish(struct world_state *w, unsigned int slot, unsigned int seat) {
        struct worker *k = &w->workers[slot][seat];

        k->next_ms = 0;
        if (k->told_retire || k->told_leave)
                world_end_worker(w, slot, seat);
        else {
                k->next_ms = w->now_ms + 500; /* it says so again, as connections may come */
                world_report(w, HAPPENING_DONE, slot, seat);
        }
}

static void live(struct world_state *w, unsigned int slot, unsigned int seat) {
        struct worker *k = &w->workers[slot][seat];

        if (k->phase == WORKER_NONE || k->phase == WORKER_IS_DEAD)
                return;
        if (k->dies_ms != 0 && w->now_ms >= k->dies_ms)
                world_end_worker(w, slot, seat);
        else if (k->next_ms == 0 || w->now_ms < k->next_ms || k->is_stuck)
                return;
        else if (k->phase == WORKER_STARTS)
                serve(w, slot, seat);
        else
                finish(w, slot, seat);
}

/* Clients that the kernel sends to a worker's own queue are served by it, if it lives. */
static void serve_queues(struct world_state *w) {
        for (unsigned int i = 0; i < w->n_sockets; i++) {
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (w->workers[i][seat].accepts && !w->workers[i][seat].is_stuck && w->workers[i][seat].phase > WORKER_STARTS &&
                            w->workers[i][seat].phase < WORKER_IS_DEAD)
                                w->waiting[i] = 0;
                if (w->waiting[i] > 0 && w->watched[i] && !w->is_paused)
                        happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_QUEUE, .slot = i });
                if (w->plans->queue.n > 0)
                        run(w); /* as the loop calls one source after another */
        }
}

/* ---- commands and faults ---- */

static struct worker *any_worker(struct world_state *w) {
        return &w->workers[world_random(w, w->n_sockets)][world_random(w, RESTMARK_SEATS)];
}

static void hurt(struct world_state *w) {
        struct worker *k = any_worker(w);

        if (k->phase != WORKER_SERVES && k->phase != WORKER_DRAINS)
                return;
        w->n_faults++;
        switch (world_random(w, 5)) {
        case 0:
                k->is_stuck = true;
                k->stuck_ms = w->now_ms;
                k->is_stuck_in_request = world_one_in(w, 2);
                break;
        case 1:
                k->lies |= world_one_in(w, 4);
                break;
        case 2:
                k->is_deaf = true;
                world_report(w, HAPPENING_DEAF, (unsigned int)((k - w->workers[0]) / RESTMARK_SEATS), (unsigned int)((k - w->workers[0]) % RESTMARK_SEATS));
                break;
        default:
                k->dies_ms = w->now_ms + 1;
                k->signal = SIGSEGV;
                break;
        }
}

/* The whole machine stands still: all that was to happen does so later, and nobody is to blame. */
static void freeze(struct world_state *w) {
        uint64_t ms = 1000 + world_random(w, 30000), before_ms = w->now_ms;

        world_note(w, "the machine stands still for %llu ms", (unsigned long long)ms);
        w->freezes = false;
        w->now_ms += ms;
        for (unsigned int i = 0; i < w->n_sockets; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        struct worker *k = &w->workers[i][seat];

                        k->next_ms += k->next_ms ? ms : 0;
                        k->dies_ms += k->dies_ms ? ms : 0;
                        k->wakes_ms = w->now_ms + 1 + world_random(w, 100);
                        k->n_freezes++;
                        if (k->phase == WORKER_SERVES && !k->is_stuck && world_one_in(w, 2))
                                k->busy_ms = before_ms - world_random(w, 100);
                }
        w->examined_ms += w->examined_ms ? ms : 0;
        w->tried_ms += w->tried_ms ? ms : 0;
}

static void command(struct world_state *w) {
        struct happening h = { .slot = (unsigned int)world_random(w, WORLD_WORKERS_MAX) };
        uint64_t what = world_random(w, 1000);

        if (what < 150) {
                h.kind = HAPPENING_RELOAD;
                world_command(w, TOPIC_RELOAD, &h);
        } else if (what < 280) {
                h.kind = HAPPENING_SCALE;
                h.number = 1 + world_random(w, WORLD_WORKERS_MAX);
                world_command(w, TOPIC_SCALE, &h);
        } else if (what < 320) {
                h.kind = HAPPENING_SCALE_BY;
                h.difference = world_one_in(w, 2) ? 1 : -1;
                happenings_push(&w->plans->queue, &h);
        } else if (what < 450) {
                h.kind = HAPPENING_DRAIN;
                world_command(w, TOPIC_DRAIN, &h);
        } else if (what < 520) {
                h.kind = HAPPENING_UPGRADE;
                world_command(w, TOPIC_UPGRADE, &h);
        } else if (what < 526) {
                h.kind = HAPPENING_STOP;
                h.at_once = world_one_in(w, 3);
                world_command(w, TOPIC_STOP, &h);
        } else if (what < 536)
                w->freezes = true;
        else if (what < 650)
                hurt(w);
        else
                w->waiting[world_random(w, w->n_sockets)] += 1 + (unsigned int)world_random(w, 30);
}

static void command_all(struct world_state *w) {
        unsigned int n = world_one_in(w, 10) ? 1 + (unsigned int)world_random(w, STORM_MAX) : 1;

        for (unsigned int i = 0; i < n; i++)
                if (!w->plans->fleet.stopping)
                        command(w);
        if (w->plans->fleet.stopping && world_one_in(w, 20)) {
                struct happening h = { .kind = HAPPENING_STOP, .at_once = true };

                world_command(w, TOPIC_STOP, &h);
        }
        w->command_ms = w->now_ms + 1 + world_random(w, world_one_in(w, 3) ? 100 : world_one_in(w, 10) ? 60000 : 3000);
}

/* ---- time ---- */

static void sooner(uint64_t *next_ms, uint64_t ms) {
        if (ms != 0 && ms < *next_ms)
                *next_ms = ms;
}

static uint64_t find_next(const struct world_state *w) {
        uint64_t next_ms = w->command_ms;

        for (unsigned int i = 0; i < w->n_sockets; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        const struct worker *k = &w->workers[i][seat];

                        sooner(&next_ms, k->dies_ms);
                        if (!k->is_stuck)
                                sooner(&next_ms, k->next_ms);
                }
        sooner(&next_ms, w->examined_ms);
        sooner(&next_ms, w->tried_ms);
        sooner(&next_ms, plans_wake_ms(w->plans));
        return next_ms;
}

static void answer(struct world_state *w) {
        if (w->examined_ms != 0 && w->now_ms >= w->examined_ms) {
                w->examined_ms = 0;
                w->fails_examination = world_one_in(w, 6);
                happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_EXAMINED,
                                                                       .text = w->fails_examination ? (char *)"it answers wrongly" : NULL });
        }
        if (w->tried_ms != 0 && w->now_ms >= w->tried_ms) {
                w->tried_ms = 0;
                happenings_push(&w->plans->queue,
                                &(struct happening){ .kind = HAPPENING_TRIED, .ok = !world_one_in(w, 5), .text = (char *)"0.2.0" });
        }
}

/* What the loop of a daemon would find in one turn. */
static void turn(struct world_state *w) {
        uint64_t wake_ms = plans_wake_ms(w->plans);

        for (unsigned int i = 0; i < w->n_sockets; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        live(w, i, seat);
        answer(w);
        if (wake_ms != 0 && w->now_ms >= wake_ms)
                happenings_push(&w->plans->queue, &(struct happening){ .kind = HAPPENING_TIME });
        if (w->now_ms >= w->command_ms)
                command_all(w);
        run(w);
        if (!w->executes && !w->returns && !w->has_exited)
                serve_queues(w);
        if (w->awaits_idle && !w->executes && !w->returns && !w->has_exited) {
                w->awaits_idle = false;
                world_report(w, HAPPENING_IDLE, 0, 0);
                run(w);
        }
}

void world_step(struct world_state *w) {
        uint64_t next_ms = find_next(w);

        if (next_ms > w->now_ms)
                w->now_ms = next_ms;
        if (w->freezes)
                freeze(w);
        turn(w);
        if (w->executes || w->returns)
                world_change_program(w, w->returns);
        if (w->has_exited)
                world_begin(w);
        else
                world_check_settled(w);
}
