#include "plan/health.h"

#include <stdio.h>
#include <syslog.h>

#include "fleet/cause.h"
#include "fleet/wish.h"
#include "plan/recycle.h"

/* One worker. */
struct patient {
        unsigned int slot, seat;
        const struct seat *is;
        struct vital *vital;
};

static struct patient patient_at(struct health *h, const struct fleet *f, unsigned int slot, unsigned int seat) {
        return (struct patient){ slot, seat, &f->seats[slot][seat], &h->vitals[slot][seat] };
}

static struct intent about(const struct patient *p, enum intent_kind kind) {
        return (struct intent){ .kind = kind, .slot = p->slot, .seat = p->seat };
}

/* ---- the end of a worker that is stuck, or no worker any more ---- */

/* It is restarted like one that has crashed. */
static void condemn(const struct patient *p, const char *why, struct intents *out) {
        struct intent doom = about(p, INTENT_DOOM), intent = about(p, INTENT_CONDEMN);

        doom.cause = RESTMARK_CAUSE_CRASH;
        intents_add(out, &doom);
        intents_say(out, &intent, "%s", why);
}

/* It gets no more connections, and others serve its queue. It is killed when it has shown where it is. Returns whether it is so. */
static bool judge(const struct patient *p, uint64_t harakiri_ms, uint64_t now_ms, struct intents *out) {
        enum vital_verdict verdict = vital_judge(p->vital, harakiri_ms, now_ms);
        struct intent doom = about(p, INTENT_DOOM), trace = about(p, INTENT_TRACE);

        if (verdict == VITAL_WELL)
                return false;
        doom.cause = trace.cause = verdict == VITAL_HARAKIRI ? RESTMARK_CAUSE_HARAKIRI : RESTMARK_CAUSE_WEDGED;
        trace.number = (int64_t)(now_ms - (verdict == VITAL_HARAKIRI ? p->vital->working_since_ms : p->vital->moved_ms));
        intents_add(out, &doom);
        intents_add(out, &trace);
        return true;
}

/* What a worker that is no enemy never does. Returns whether it has. */
static bool distrust(const struct patient *p, uint64_t now_ms, struct intents *out) {
        if (p->is->lies)
                condemn(p, "says of itself, in shared memory, what cannot be: its memory is damaged", out);
        else if (p->is->deaf_ms != 0 && now_ms > p->is->deaf_ms + HEALTH_DEAF_MS)
                condemn(p, "has closed its link to the master and lives on", out);
        else
                return false;
        return true;
}

/* A worker that does not respond is left alone: it may be stopped by a debugger, or at work. But nobody new waits for it. */
static void watch_response(const struct patient *p, bool moved, uint64_t now_ms, struct intents *out) {
        bool silent = p->is->unresponsive ? !moved : vital_is_silent(p->vital, now_ms);
        struct intent intent = about(p, INTENT_RESPONDS);

        if (silent == p->is->unresponsive)
                return;
        intent.flag = !silent;
        intent.number = (int64_t)(now_ms - p->vital->moved_ms);
        intents_add(out, &intent);
}

/* ---- recycling ---- */

static void recycle(const struct patient *p, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        const struct recycle_facts facts = { .requests = p->vital->requests,
                                             .age_ms = now_ms - p->is->started_ms,
                                             .dice = p->is->dice,
                                             .rss_bytes = p->is->seen.rss_bytes,
                                             .pss_bytes = p->is->seen.pss_bytes };
        struct intent wish = about(p, INTENT_WISH);
        char text[160];

        if (!recycle_due(&f->current, &facts, &wish.cause) || wish_merge(f, p->slot, wish.cause) == MERGE_REFUSE)
                return;
        intents_add(out, &wish);
        (void)snprintf(text, sizeof text, "%s, after %.1f s and %llu requests, RSS %.1f MiB, PSS %.1f MiB", cause_name(wish.cause),
                       (double)facts.age_ms / 1000, (unsigned long long)facts.requests, (double)facts.rss_bytes / (1 << 20),
                       (double)facts.pss_bytes / (1 << 20));
        intents_log(out, LOG_INFO, "worker %u (pid %d) is to be recycled: %s", p->slot, (int)p->is->pid, text);
        intents_event(out, EVENT_RECYCLE, (int)p->slot, "pid %d: %s", (int)p->is->pid, text);
}

/* ---- rounds ---- */

static void look(const struct patient *p, uint64_t now_ms) {
        vital_look(p->vital, p->is->seen.beat_ms, p->is->seen.working_since_ms, p->is->seen.requests, now_ms);
}

/* A master that wakes up too late may have slept with all the others (a frozen machine), who have not had the time that the clock says. Returns
 * whether it did: then nobody is judged before the next time. */
static bool excuse(struct health *h, const struct fleet *f, uint64_t due_ms, uint64_t now_ms) {
        uint64_t still_ms = vital_stood_still_ms(due_ms > h->excused_ms ? due_ms : h->excused_ms, now_ms);

        if (still_ms == 0)
                return false;
        h->excused_ms = now_ms;
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        struct patient p = patient_at(h, f, i, seat);

                        if (p.is->pid == 0)
                                continue;
                        look(&p, now_ms);
                        vital_excuse(p.vital, still_ms, now_ms);
                }
        return true;
}

/* `late`: see excuse(). */
static void look_at(const struct patient *p, const struct fleet *f, bool late, uint64_t now_ms, struct intents *out) {
        const enum restmark_slot_state state = p->is->slot.state;
        uint64_t moved_ms = p->vital->moved_ms;

        if (p->is->pid == 0 || p->is->doomed)
                return;
        look(p, now_ms);
        if (distrust(p, now_ms, out) || (state != RESTMARK_SLOT_READY && state != RESTMARK_SLOT_DRAINING))
                return;
        if (!late && judge(p, f->current.harakiri_ms, now_ms, out))
                return;
        watch_response(p, !late && p->vital->moved_ms != moved_ms, now_ms, out);
        if (!f->stopping && p->slot < f->n_workers && p->seat == fleet_own(f, p->slot) && state == RESTMARK_SLOT_READY)
                recycle(p, f, now_ms, out);
}

static void go_round(struct health *h, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        bool late = excuse(h, f, h->round_ms + h->interval_ms, now_ms);

        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        struct patient p = patient_at(h, f, i, seat);

                        look_at(&p, f, late, now_ms, out);
                }
        h->round_ms = now_ms;
        if (out->n > 0) /* others get its connections, or it gets some again; or somebody is to be replaced */
                intents_happen(out, &(struct happening){ .kind = HAPPENING_AGAIN });
}

static void configure(struct health *h, const struct fleet *f, uint64_t now_ms) {
        uint64_t vital_ms = vital_interval_ms(f->current.harakiri_ms), recycle_ms = recycle_interval_ms(&f->current);

        h->interval_ms = recycle_ms != 0 && recycle_ms < vital_ms ? recycle_ms : vital_ms;
        h->round_ms = now_ms;
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        h->vitals[i][seat].moved_ms = now_ms;
}

/* ---- the watchdog ---- */

static bool is_alive(struct health *h, const struct fleet *f, unsigned int slot, unsigned int seat, uint64_t now_ms) {
        uint64_t patience_ms = h->watchdog_ms > VITAL_SILENCE_MIN_MS ? h->watchdog_ms : VITAL_SILENCE_MIN_MS;
        struct patient p = patient_at(h, f, slot, seat);

        if (p.is->slot.state != RESTMARK_SLOT_READY || p.is->on_probation)
                return false;
        look(&p, now_ms);
        return now_ms < p.vital->moved_ms + patience_ms;
}

static struct quorum count(struct health *h, const struct fleet *f, uint64_t now_ms) {
        struct quorum quorum = { 0 };

        for (unsigned int i = 0; i < f->n_workers; i++) {
                const struct slot *own = &fleet_primary(f, i)->slot;

                if (is_alive(h, f, i, 0, now_ms) || is_alive(h, f, i, 1, now_ms))
                        quorum.alive++;
                else if (own->state == RESTMARK_SLOT_STARTING && own->failures == 0 && !slot_is_in_crash_loop(own))
                        quorum.awaited++;
                else
                        quorum.dead++;
        }
        return quorum;
}

/* While the daemon starts or stops, systemd has other deadlines for it. */
static void feed(struct health *h, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        struct quorum quorum;
        bool holds;

        (void)excuse(h, f, h->fed_ms + h->watchdog_ms / 2, now_ms);
        h->fed_ms = now_ms;
        quorum = count(h, f, now_ms);
        holds = f->stopping || !f->was_ready || quorum_holds(&quorum);
        if (holds)
                intents_add(out, &(struct intent){ .kind = INTENT_NOTIFY, .notice = NOTICE_WATCHDOG });
        if (holds == h->complained)
                intents_log(out, holds ? LOG_NOTICE : LOG_ERR, "watchdog: of %u slots %u have a worker that is alive; systemd is %s",
                            quorum.alive + quorum.awaited + quorum.dead, quorum.alive, holds ? "told again that all is well" : "not told that all is well");
        h->complained = !holds;
}

/* ---- the whole ---- */

static bool is_fed(const struct health *h, uint64_t now_ms) {
        return h->watchdog_ms == 0 || now_ms < h->fed_ms + h->watchdog_ms / 2;
}

void plan_health(struct health *h, const struct fleet *f, const struct happening *happening, uint64_t now_ms, struct intents *out) {
        const struct patient p = patient_at(h, f, happening->slot, happening->seat);

        switch (happening->kind) {
        case HAPPENING_BEGIN:
                /* After an upgrade at once: since the program before has said it last, half an interval may have passed. */
                h->fed_ms = happening->at_once ? now_ms - h->watchdog_ms / 2 : now_ms;
                configure(h, f, now_ms);
                break;
        case HAPPENING_PROVEN:
                configure(h, f, now_ms);
                break;
        case HAPPENING_FORKED:
                *p.vital = vital_begin(now_ms);
                break;
        case HAPPENING_DISTRUST:
                if (!p.is->doomed && p.is->slot.state != RESTMARK_SLOT_KILLED && p.is->pid != 0)
                        condemn(&p, happening->text, out);
                break;
        case HAPPENING_TIME:
                if (now_ms >= h->round_ms + h->interval_ms || !is_fed(h, now_ms))
                        intents_happen(out, &(struct happening){ .kind = HAPPENING_ROUND });
                break;
        case HAPPENING_ROUND:
                if (now_ms >= h->round_ms + h->interval_ms)
                        go_round(h, f, now_ms, out);
                if (!is_fed(h, now_ms))
                        feed(h, f, now_ms, out);
                break;
        default:
                break;
        }
}

uint64_t health_wake_ms(const struct health *h) {
        uint64_t round_ms = h->round_ms + h->interval_ms, feed_ms = h->fed_ms + h->watchdog_ms / 2;

        return h->watchdog_ms != 0 && feed_ms < round_ms ? feed_ms : round_ms;
}
