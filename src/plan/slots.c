#include "plan/slots.h"

#include <stdio.h>
#include <sysexits.h>
#include <syslog.h>

static struct intent about(const struct happening *h, enum intent_kind kind) {
        return (struct intent){ .kind = kind, .slot = h->slot, .seat = h->seat };
}

/* ---- slots whose workers end badly again and again ---- */

static uint64_t wait_ms(const struct seat *seat, uint64_t now_ms) {
        return seat->slot.deadline_ms > now_ms ? seat->slot.deadline_ms - now_ms : 0;
}

/* One that is lost does not end the others, which serve, or may yet. */
static void give_up(const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        const struct seat *seat = &f->seats[h->slot][h->seat];
        char what[64] = "says that starting it again would not help", text[256];

        if (seat->refusal == 0)
                (void)snprintf(what, sizeof what, "has failed to start %u times in a row", seat->slot.failures);
        if (fleet_judge(f) == SLOTS_GIVE_UP) {
                intents_log(out, LOG_ERR, "worker %u %s, and no other serves; stopping. The messages above, or `coredumpctl`, say why", h->slot, what);
                intents_happen(out, &(struct happening){ .kind = HAPPENING_STOP, .number = (uint64_t)(seat->refusal != 0 ? seat->refusal : EX_OSERR) });
                return;
        }
        (void)snprintf(text, sizeof text, "worker %u %s; the others go on, and it is tried again in %llu s", h->slot, what,
                       (unsigned long long)wait_ms(seat, now_ms) / 1000);
        intents_log(out, LOG_ERR, "%s. The messages above, or `coredumpctl`, say why", text);
        if (seat->slot.failures == SLOT_FAILURES_MAX)
                intents_event(out, EVENT_LOST, (int)h->slot, "%s", text);
}

static void tell_wait(const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        const struct slot *slot = &f->seats[h->slot][h->seat].slot;
        unsigned long long ms = wait_ms(&f->seats[h->slot][h->seat], now_ms);

        if (slot->failures > 0) {
                intents_log(out, LOG_WARNING, "worker %u will be started again in %llu ms (failure %u in a row)", h->slot, ms, slot->failures);
                return;
        }
        intents_log(out, LOG_WARNING, "worker %u is in a crash loop (%u in a row have died within %d ms of being ready): it will be started again in %llu ms",
                    h->slot, slot->short_lives, SLOT_HEALTHY_MS, ms);
        if (slot->short_lives == SLOT_SHORT_LIVES_FREE + 1)
                intents_event(out, EVENT_CRASH_LOOP, (int)h->slot, "%u workers in a row have died within %d ms of being ready", slot->short_lives,
                              SLOT_HEALTHY_MS);
}

static void tell_end_of_crash_loop(const struct fleet *f, const struct happening *h, struct intents *out) {
        int pid = (int)f->seats[h->slot][h->seat].pid;

        intents_log(out, LOG_NOTICE, "worker %u (pid %d) has been ready for %d ms: the crash loop is over", h->slot, pid, SLOT_HEALTHY_MS);
        intents_event(out, EVENT_CRASH_LOOP, (int)h->slot, "over: pid %d has been ready for %d ms", pid, SLOT_HEALTHY_MS);
}

/* ---- what a seat's machine says ---- */

static void kill_worker(const struct fleet *f, const struct happening *h, struct intents *out) {
        const struct seat *seat = &f->seats[h->slot][h->seat];
        struct intent intent = about(h, INTENT_KILL);

        intents_log(out, f->stopping ? LOG_NOTICE : LOG_WARNING, "worker %u (pid %d) is killed: %s", h->slot, (int)seat->pid,
                    !seat->slot.stopping ? "it did not get ready in time" : "it has to stop at once or its time is over");
        intents_add(out, &intent);
}

static void act(const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        struct intent intent;

        if (h->change.action != SLOT_ACTION_FORK && h->change.life != f->seats[h->slot][h->seat].life) /* of a worker that is no more */
                return;
        switch (h->change.action) {
        case SLOT_ACTION_FORK:
                intent = about(h, INTENT_RESTARTED);
                if (h->change.event != SLOT_EVENT_START)
                        intents_add(out, &intent);
                intent.kind = INTENT_FORK;
                intents_add(out, &intent);
                break;
        case SLOT_ACTION_DRAIN:
                intent = about(h, INTENT_TELL);
                intent.message = f->seats[h->slot][h->seat].retired ? MESSAGE_RETIRE : MESSAGE_STOP;
                intents_add(out, &intent);
                break;
        case SLOT_ACTION_KILL:
                kill_worker(f, h, out);
                break;
        case SLOT_ACTION_GIVE_UP:
                give_up(f, h, now_ms, out);
                break;
        case SLOT_ACTION_NONE:
                break;
        }
}

static void follow_change(const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        const struct slot_change *c = &h->change;
        const struct seat *seat = &f->seats[h->slot][h->seat];

        if (c->after == RESTMARK_SLOT_BACKOFF && c->before != RESTMARK_SLOT_BACKOFF && c->action != SLOT_ACTION_GIVE_UP)
                tell_wait(f, h, now_ms, out);
        if (c->ends_crash_loop)
                tell_end_of_crash_loop(f, h, out);
        act(f, h, now_ms, out);
        if (c->before != c->after && c->after == RESTMARK_SLOT_READY && f->was_ready)
                intents_event(out, EVENT_WORKER, (int)h->slot, "pid %d of generation %u is ready", (int)seat->pid, seat->generation);
}

static void certify(const struct happening *h, struct intents *out) {
        struct intent intent = about(h, INTENT_CERTIFY);

        intent.cause = h->life.cause;
        intent.flag = h->life.asked_to_stop;
        intents_add(out, &intent);
}

/* ---- the daemon ---- */

static void begin_to_serve(const struct fleet *f, struct intents *out) {
        unsigned int n = fleet_count_ready(f), n_lost = f->n_workers - n;
        char lost[48] = "";

        intents_add(out, &(struct intent){ .kind = INTENT_SERVE });
        if (n_lost > 0)
                (void)snprintf(lost, sizeof lost, "; %u more fail%s to start", n_lost, n_lost == 1 ? "s" : "");
        intents_log(out, LOG_NOTICE, "ready: %u worker%s%s", n, n == 1 ? "" : "s", lost);
        intents_event(out, EVENT_READY, -1, "%u worker%s%s", n, n == 1 ? "" : "s", lost);
        intents_happen(out, &(struct happening){ .kind = HAPPENING_SERVES });
}

/* Every worker is told, also by a second stop, which may be in more of a hurry. */
static void stop(struct slots *s, const struct fleet *f, const struct happening *h, struct intents *out) {
        if (h->ticket > s->stop_ticket)
                s->stop_ticket = h->ticket;
        if (!f->stopping) {
                intents_add(out, &(struct intent){ .kind = INTENT_STOPPING, .number = (int64_t)h->number });
                intents_event(out, EVENT_STOP, -1, h->at_once ? "at once" : "when all that is accepted is answered");
                intents_add(out, &(struct intent){ .kind = INTENT_NOTIFY, .notice = NOTICE_STOPPING });
                intents_add(out, &(struct intent){ .kind = INTENT_SHUT, .flag = h->at_once });
        }
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        intents_add(out, &(struct intent){ .kind = INTENT_ORDER,
                                                           .slot = i,
                                                           .seat = seat,
                                                           .event = h->at_once ? SLOT_EVENT_KILL : SLOT_EVENT_STOP,
                                                           .cause = RESTMARK_CAUSE_STOP });
}

static bool has_stopped(const struct fleet *f) {
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (f->seats[i][seat].slot.state != RESTMARK_SLOT_STOPPED)
                                return false;
        return true;
}

static void tell_end(const struct fleet *f, uint64_t ticket, struct intents *out) {
        const bool ok = f->exit_code == EX_OK;

        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_STOP, .ticket = ticket, .and_earlier = true, .flag = ok }, "%s",
                    ok ? "stopped" : "stopped, after a failure: the log says which");
}

static void end(struct slots *s, const struct fleet *f, struct intents *out) {
        s->ended = true;
        tell_end(f, s->stop_ticket, out);
        intents_add(out, &(struct intent){ .kind = INTENT_EXIT, .number = f->exit_code });
}

void plan_slots(struct slots *s, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        if (h->kind == HAPPENING_EXITED)
                certify(h, out);
        if (h->kind == HAPPENING_FORK_FAILED)
                intents_log(out, LOG_ERR, "cannot start worker %u: %s", h->slot, h->text);
        if (h->has_change)
                follow_change(f, h, now_ms, out);
        if (h->kind == HAPPENING_STOP && s->ended) /* it has come too late to hasten anything */
                tell_end(f, h->ticket, out);
        else if (h->kind == HAPPENING_STOP) {
                stop(s, f, h, out);
                return;
        }
        if (f->stopping) {
                if (!s->ended && has_stopped(f))
                        end(s, f, out);
        } else if (!f->was_ready && fleet_judge(f) == SLOTS_SERVE)
                begin_to_serve(f, out);
}
