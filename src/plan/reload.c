#include "plan/reload.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "fleet/wish.h"

static void enter(struct reload *r, enum reload_stage stage, struct intents *out) {
        r->stage = stage;
        intents_fact(out, FACT_EXAMINES, stage > RELOAD_IDLE && stage < RELOAD_ROLLS);
        intents_fact(out, FACT_RELOADS, stage != RELOAD_IDLE || r->wanted > r->ticket);
}

/* ---- the end of a reload ---- */

static void end(struct reload *r, bool ok, const char *reply, struct intents *out) {
        const struct happening over = { .kind = HAPPENING_RELOADED, .ok = ok, .at_once = r->is_upgrade, .text = (char *)reply };

        r->deadline_ms = 0;
        r->is_upgrade = false;
        enter(r, RELOAD_IDLE, out);
        intents_add(out, &(struct intent){ .kind = INTENT_COUNT_RELOAD, .flag = ok });
        intents_add(out, &(struct intent){ .kind = INTENT_DISCARD });
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_RELOAD, .ticket = r->ticket, .and_earlier = true, .flag = ok }, "%s", reply);
        intents_happen(out, &over);
}

static void fail(struct reload *r, const struct fleet *f, const char *why, struct intents *out) {
        char reply[1024];

        if (r->is_upgrade && r->stage != RELOAD_RETURNS) {
                if (why != r->text)
                        (void)snprintf(r->text, sizeof r->text, "%s", why);
                enter(r, RELOAD_RETURNS, out);
                intents_happen(out, &(struct happening){ .kind = HAPPENING_AGAIN });
                return;
        }
        if (r->is_upgrade) /* if the way back is closed, too, what follows is true */
                intents_say(out, &(struct intent){ .kind = INTENT_RETURN, .flag = r->wanted > r->ticket }, "%s", why);
        (void)snprintf(reply, sizeof reply, "%s\nnothing has changed: generation %u goes on", why, f->current.number);
        intents_log(out, LOG_ERR, "reload failed: %s; generation %u goes on", why, f->current.number);
        intents_event(out, EVENT_RELOAD_FAILED, -1, "%s; generation %u goes on", why, f->current.number);
        end(r, false, reply, out);
}

/* As in an upgrade, no signal or message may have been read that is not yet acted upon, and the workers have to be such as can be taken over. */
static void turn_back(struct reload *r, const struct fleet *f, const struct happening *h, struct intents *out) {
        bool was_leaving = r->is_leaving;

        if (h->kind == HAPPENING_IDLE)
                r->is_leaving = false;
        if (!fleet_can_be_handed_over(f) || f->facts[FACT_HOLDS])
                return;
        if (h->kind == HAPPENING_IDLE && was_leaving) {
                fail(r, f, r->text, out);
                return;
        }
        if (!r->is_leaving)
                intents_add(out, &(struct intent){ .kind = INTENT_AWAIT_IDLE });
        r->is_leaving = true;
}

static void succeed(struct reload *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        unsigned long long accepted = r->tally.accepted, requests = r->tally.requests, reset = r->tally.reset;
        unsigned int n = f->n_workers, n_old = r->tally.workers, killed = r->tally.killed, number = f->current.number;
        double took_s = (double)(now_ms - r->started_ms) / 1000;
        char reply[1024];

        (void)snprintf(reply, sizeof reply,
                       "generation %u serves with %u worker%s, after %.1f s\n"
                       "generation %u has ended: %u worker%s, %llu connections accepted, %llu requests completed, %llu connections reset, "
                       "%u worker%s killed%s%s",
                       number, n, n == 1 ? "" : "s", took_s, r->old_number, n_old, n_old == 1 ? "" : "s", accepted, requests, reset, killed,
                       killed == 1 ? "" : "s", *r->pending ? "\nnot applied, as it takes a restart: " : "", r->pending);
        intents_log(out, LOG_NOTICE, "reloaded: generation %u has replaced %u in %.1f s; %llu connections were reset, %u workers killed", number,
                    r->old_number, took_s, reset, killed);
        intents_event(out, EVENT_RELOADED, -1, "generation %u has replaced %u in %.1f s; %llu connections were reset, %u workers killed", number,
                      r->old_number, took_s, reset, killed);
        if (*r->pending)
                intents_log(out, LOG_WARNING, "not applied, as it takes a restart: %s", r->pending);
        end(r, true, reply, out);
}

static void abandon(struct reload *r, struct intents *out) {
        r->deadline_ms = 0;
        r->ticket = r->wanted;
        enter(r, RELOAD_IDLE, out);
        intents_add(out, &(struct intent){ .kind = INTENT_DISCARD });
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_RELOAD, .ticket = r->wanted, .and_earlier = true }, "the daemon stops");
}

/* ---- rolling over and draining ---- */

/* Ends the reload once all slots have new workers and the old ones are gone. */
static void check(struct reload *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (r->stage == RELOAD_ROLLS && !r->is_committing && !wish_is_open(f, RESTMARK_CAUSE_RELOAD))
                r->stage = RELOAD_DRAINS;
        if (r->stage != RELOAD_DRAINS)
                return;
        for (unsigned int i = 0; i < f->n_workers; i++) {
                const struct seat *beside = fleet_beside(f, i);

                if (beside->slot.state != RESTMARK_SLOT_EMPTY && beside->generation != f->current.number)
                        return;
        }
        if (r->stuck)
                end(r, false, r->text, out);
        else
                succeed(r, f, now_ms, out);
}

static void get_stuck(struct reload *r, const struct fleet *f, unsigned int slot, struct intents *out) {
        (void)snprintf(r->text, sizeof r->text,
                       "generation %u failed to start %d times in a row in slot %u; some slots have it, the others go on with "
                       "generation %u; the log says why",
                       f->current.number, SLOT_FAILURES_MAX, slot, r->old_number);
        intents_log(out, LOG_ERR, "reload stuck: %s", r->text);
        intents_event(out, EVENT_RELOAD_FAILED, (int)slot, "stuck: %s", r->text);
        r->stuck = true;
        intents_happen(out, &(struct happening){ .kind = HAPPENING_CANCEL });
}

/* ---- the canary ---- */

static void kill_canary(const struct reload *r, const struct fleet *f, struct intents *out) {
        intents_add(out, &(struct intent){ .kind = INTENT_ORDER,
                                           .slot = r->slot,
                                           .seat = fleet_other(f, r->slot),
                                           .event = SLOT_EVENT_KILL,
                                           .cause = RESTMARK_CAUSE_START });
}

/* Past this point there is no way back, and none is needed: this configuration serves. */
static void commit(struct reload *r, const struct fleet *f, struct intents *out) {
        unsigned int seat = fleet_other(f, r->slot);

        intents_log(out, LOG_INFO, "the canary (pid %d) of generation %u answers every route; replacing the others",
                    (int)fleet_beside(f, r->slot)->pid, f->next.number);
        intents_add(out, &(struct intent){ .kind = INTENT_COMMIT, .slot = r->slot, .seat = seat });
        intents_add(out, &(struct intent){ .kind = INTENT_TELL, .slot = r->slot, .seat = seat, .message = MESSAGE_ACCEPT });
        enter(r, RELOAD_ROLLS, out);
        r->is_committing = true;
        for (unsigned int i = 0; i < f->n_workers; i++)
                if (i != r->slot)
                        intents_add(out, &(struct intent){ .kind = INTENT_WISH, .slot = i, .cause = RESTMARK_CAUSE_RELOAD });
        intents_happen(out, &(struct happening){ .kind = HAPPENING_PROVEN, .slot = r->slot });
}

static void follow_examination(struct reload *r, const struct fleet *f, const char *why, struct intents *out) {
        if (r->stage != RELOAD_EXAMINES || !r->is_examining)
                return;
        r->is_examining = false;
        if (why) {
                (void)snprintf(r->text, sizeof r->text, "%s", why);
                kill_canary(r, f, out); /* its death ends the reload */
        } else if (fleet_beside(f, r->slot)->slot.state == RESTMARK_SLOT_READY)
                commit(r, f, out);
}

static void examine(struct reload *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        uint64_t until_ms = r->started_ms + f->next.canary_timeout_ms;

        r->deadline_ms = 0;
        r->is_examining = true;
        intents_add(out, &(struct intent){ .kind = INTENT_EXAMINE,
                                           .slot = r->slot,
                                           .seat = fleet_other(f, r->slot),
                                           .number = (int64_t)(until_ms > now_ms ? until_ms - now_ms : 1) });
}

/* The end of its connection may be seen before its death, which tells more, unless it is by our own SIGKILL. */
static void blame_canary(struct reload *r, const struct life *life) {
        const bool knows = *r->text != '\0', has_exited = life->code == CLD_EXITED;
        size_t length = strlen(r->text);

        if (knows && !has_exited && life->status == SIGKILL)
                return;
        length += (size_t)snprintf(r->text + length, sizeof r->text - length, "%s ", knows ? "; it" : "the first worker of the new generation");
        if (length >= sizeof r->text)
                return;
        if (has_exited)
                (void)snprintf(r->text + length, sizeof r->text - length, "exited with code %d; the log says why", life->status);
        else
                (void)snprintf(r->text + length, sizeof r->text - length, "was killed by signal %d (%s)", life->status, strsignal(life->status));
}

static bool is_canary(const struct reload *r, const struct fleet *f, const struct happening *h) {
        return r->stage == RELOAD_EXAMINES && h->slot == r->slot && h->seat == fleet_other(f, r->slot);
}

static void follow_death(struct reload *r, const struct fleet *f, const struct happening *h) {
        if (is_canary(r, f, h))
                blame_canary(r, &h->life);
        else if (r->stage != RELOAD_IDLE && h->life.generation == r->old_number) {
                r->tally.workers++;
                r->tally.accepted += h->life.accepted;
                r->tally.requests += h->life.requests;
                r->tally.reset += h->life.connections;
                r->tally.killed += h->life.code != CLD_EXITED;
        }
}

/* ---- the start of a reload ---- */

static bool find_seat(struct reload *r, const struct fleet *f) {
        for (r->slot = 0; r->slot < f->n_workers; r->slot++)
                if (fleet_beside(f, r->slot)->slot.state == RESTMARK_SLOT_EMPTY)
                        return true;
        return false;
}

static void begin(struct reload *r, const struct fleet *f, struct intents *out) {
        r->ticket = r->wanted;
        memset(&r->tally, 0, sizeof r->tally);
        r->text[0] = '\0';
        r->stuck = r->is_committing = r->is_examining = r->is_leaving = false;
        r->old_number = f->current.number;
        enter(r, RELOAD_WAITS, out);
        intents_add(out, &(struct intent){ .kind = INTENT_NOTIFY, .notice = NOTICE_RELOADING });
        intents_event(out, EVENT_RELOAD, -1, "generation %u is to follow", r->old_number + 1);
        intents_happen(out, &(struct happening){ .kind = HAPPENING_YIELD });
}

/* Once there is a seat for the canary: old workers that leave may hold all of them until their mercy is over. */
static void load(struct reload *r, const struct fleet *f, struct intents *out) {
        if (!find_seat(r, f))
                return;
        enter(r, RELOAD_LOADS, out);
        intents_add(out, &(struct intent){ .kind = INTENT_LOAD, .number = (int64_t)f->current.number + 1, .flag = r->is_upgrade });
}

static void start_canary(struct reload *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (!find_seat(r, f))
                return;
        /* The time for loading the dataset is the master's own, and not the canary's. */
        r->started_ms = now_ms;
        r->deadline_ms = now_ms + f->next.canary_timeout_ms;
        enter(r, RELOAD_EXAMINES, out);
        intents_log(out, LOG_INFO, "generation %u is loaded; its first worker is examined", f->next.number);
        intents_add(out, &(struct intent){ .kind = INTENT_START, .slot = r->slot, .seat = fleet_other(f, r->slot), .flag = true });
}

static void ask(struct reload *r, const struct fleet *f, const struct happening *h, struct intents *out) {
        r->wanted = h->ticket;
        if (f->stopping) {
                abandon(r, out);
                return;
        }
        r->is_upgrade |= h->kind == HAPPENING_TAKEN_OVER;
        if (r->stage == RELOAD_IDLE)
                begin(r, f, out);
        else
                intents_log(out, LOG_NOTICE, "another reload runs; this one follows it");
}

/* ---- the whole ---- */

static void follow_time(struct reload *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (r->deadline_ms == 0 || now_ms < r->deadline_ms)
                return;
        r->deadline_ms = 0;
        (void)snprintf(r->text, sizeof r->text, "the first worker of the new generation was not ready in time ([workers] canary-timeout)");
        kill_canary(r, f, out);
}

static void go_on(struct reload *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        if (r->stage == RELOAD_EXAMINES && h->has_change && is_canary(r, f, h) && h->change.after == RESTMARK_SLOT_READY &&
            fleet_beside(f, r->slot)->slot.state == RESTMARK_SLOT_READY && !r->is_examining)
                examine(r, f, now_ms, out);
        else if (r->stage == RELOAD_EXAMINES && h->kind == HAPPENING_FREED && h->slot == r->slot &&
                 fleet_beside(f, r->slot)->slot.state == RESTMARK_SLOT_EMPTY)
                fail(r, f, *r->text ? r->text : "the first worker of the new generation could not be started", out);
        else if (r->stage == RELOAD_RETURNS)
                turn_back(r, f, h, out);
        else if (r->stage == RELOAD_WAITS)
                load(r, f, out);
        else if (r->stage == RELOAD_LOADED)
                start_canary(r, f, now_ms, out);
        else if (r->stage == RELOAD_IDLE && h->kind == HAPPENING_RELOADED && r->wanted > r->ticket)
                begin(r, f, out);
        else
                check(r, f, now_ms, out);
}

void plan_reload(struct reload *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        if (h->kind == HAPPENING_RELOAD || h->kind == HAPPENING_TAKEN_OVER) {
                ask(r, f, h, out);
                return;
        }
        if (f->stopping) {
                if (h->kind == HAPPENING_STOP && (r->stage != RELOAD_IDLE || r->wanted > r->ticket))
                        abandon(r, out);
                return;
        }
        if (h->kind == HAPPENING_LOADED && r->stage == RELOAD_LOADS) {
                if (!h->ok) {
                        fail(r, f, h->text, out);
                        return;
                }
                (void)snprintf(r->pending, sizeof r->pending, "%s", h->text ? h->text : "");
                r->stage = RELOAD_LOADED;
        }
        if (h->kind == HAPPENING_EXITED)
                follow_death(r, f, h);
        if (h->kind == HAPPENING_PROVEN)
                r->is_committing = false;
        if (h->kind == HAPPENING_STUCK && r->stage == RELOAD_ROLLS)
                get_stuck(r, f, h->slot, out);
        else if (h->kind == HAPPENING_EXAMINED)
                follow_examination(r, f, h->text, out);
        else if (h->kind == HAPPENING_TIME && r->stage == RELOAD_EXAMINES)
                follow_time(r, f, now_ms, out);
        else
                go_on(r, f, h, now_ms, out);
}

uint64_t reload_wake_ms(const struct reload *r) {
        return r->deadline_ms;
}
