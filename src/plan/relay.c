#include "plan/relay.h"

/* ---- who receives ---- */

/* How many connections it has been passed and not yet taken over. */
static uint64_t in_flight(const struct seat *seat) {
        return seat->n_passed > seat->seen.taken_over ? seat->n_passed - seat->seen.taken_over : 0;
}

/* How many connections it may still be passed. */
static uint64_t room(const struct seat *seat) {
        uint64_t used = seat->seen.connections + in_flight(seat), max = seat->max_connections;

        return in_flight(seat) >= RELAY_IN_FLIGHT || used >= max ? 0 : max - used;
}

/* Whether its loop has not turned for so long that it may be stuck, and about to be killed with all that it has. */
static bool seems_stuck(const struct seat *seat, uint64_t now_ms) {
        return seat->seen.beat_ms != 0 && now_ms > seat->seen.beat_ms + RELAY_SILENCE_MS;
}

static bool has_refused(const struct relay *r, unsigned int slot, unsigned int seat) {
        for (unsigned int i = 0; i < r->n_refused; i++)
                if (r->refused[i].slot == slot && r->refused[i].seat == seat)
                        return true;
        return false;
}

/* The worker with the most room, apart from those whose link turned out to be closed. Returns whether any has some. */
static bool choose(const struct relay *r, const struct fleet *f, uint64_t now_ms, unsigned int *ret_slot, unsigned int *ret_seat) {
        uint64_t most = 0;

        for (unsigned int i = 0; i < f->n_workers; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        const struct seat *s = &f->seats[i][seat];

                        if (!fleet_serves_queues(s) || seems_stuck(s, now_ms) || room(s) <= most || has_refused(r, i, seat))
                                continue;
                        most = room(s);
                        *ret_slot = i;
                        *ret_seat = seat;
                }
        return most > 0;
}

static bool is_served(const struct fleet *f, unsigned int slot) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                if (slot < f->n_workers && fleet_serves_queues(&f->seats[slot][seat]))
                        return true;
        return false;
}

/* ---- pauses ---- */

static void take_a_pause(struct relay *r, uint64_t now_ms, struct intents *out) {
        if (r->pause_ms == 0)
                intents_add(out, &(struct intent){ .kind = INTENT_PAUSE, .flag = true });
        r->pause_ms = now_ms + RELAY_PAUSE_MS;
}

static void hold(struct relay *r, bool holds, struct intents *out) {
        if (r->holds != holds)
                intents_fact(out, FACT_HOLDS, holds);
        r->holds = holds;
        if (!holds)
                r->n_refused = 0;
}

/* ---- serving ---- */

/* Asks for one connection of the job's queue, or the one that is held, to be passed. Returns false when nobody has room. */
static bool take(struct relay *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        struct intent intent = { .kind = INTENT_TAKE, .slot = r->job.slot, .address = r->job.address, .flag = r->holds };

        if (r->n_refused == RELAY_TRIES || !choose(r, f, now_ms, &intent.to_slot, &intent.to_seat))
                return false;
        intents_add(out, &intent);
        r->is_taking = true;
        return true;
}

static void answer_flush(struct relay *r, bool is_empty, struct intents *out) {
        unsigned int slot = r->job.slot;

        if (r->to_answer[slot])
                intents_happen(out, &(struct happening){ .kind = HAPPENING_FLUSHED, .slot = slot, .ok = is_empty });
        r->to_answer[slot] = r->to_flush[slot] = false;
}

/* Those that wait to be let go, and have nothing on its way to them. The others say again that they are done, after each connection. */
static void release(struct relay *r, const struct fleet *f, struct intents *out) {
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        if (!r->releases[i][seat])
                                continue;
                        r->releases[i][seat] = false;
                        if (in_flight(&f->seats[i][seat]) > 0 || f->seats[i][seat].pid == 0)
                                continue;
                        intents_add(out, &(struct intent){ .kind = INTENT_RETIRED, .slot = i, .seat = seat });
                        intents_add(out, &(struct intent){ .kind = INTENT_TELL, .slot = i, .seat = seat, .message = MESSAGE_LEAVE });
                }
}

static void next_job(struct relay *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        for (unsigned int i = 0; i < f->n_slots; i++)
                if (r->to_flush[i]) {
                        r->job = (struct relay_job){ .is_flush = true, .slot = i, .n_left = RELAY_PER_TURN };
                        r->job.runs = !f->is_shared && take(r, f, now_ms, out);
                        if (r->job.runs)
                                return;
                        answer_flush(r, f->is_shared, out);
                }
        release(r, f, out);
}

/* Of the job, for which nothing more can be done now. */
static void end_job(struct relay *r, const struct fleet *f, bool is_empty, uint64_t now_ms, struct intents *out) {
        r->job.runs = false;
        if (r->job.is_flush)
                answer_flush(r, is_empty, out);
        next_job(r, f, now_ms, out);
}

static void stop_for_now(struct relay *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (!r->job.is_flush || r->holds)
                take_a_pause(r, now_ms, out);
        end_job(r, f, false, now_ms, out);
}

static void go_on(struct relay *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (r->job.n_left == 0)
                end_job(r, f, false, now_ms, out);
        else if (!take(r, f, now_ms, out))
                stop_for_now(r, f, now_ms, out);
}

/* What has come of what was taken. */
static void follow_taking(struct relay *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        bool was_held = r->holds;

        r->is_taking = false;
        if (h->kind == HAPPENING_UNPASSED) {
                hold(r, true, out);
                if (r->n_refused < RELAY_TRIES) {
                        r->refused[r->n_refused].slot = h->slot;
                        r->refused[r->n_refused++].seat = h->seat;
                }
        } else
                hold(r, false, out);
        if (!r->job.runs) { /* the one that was held, after a pause */
                if (r->holds && !take(r, f, now_ms, out)) {
                        r->n_refused = 0;
                        take_a_pause(r, now_ms, out);
                } else if (!r->holds && was_held && r->pause_ms == 0)
                        intents_add(out, &(struct intent){ .kind = INTENT_PAUSE, .flag = false });
                return;
        }
        if (h->kind == HAPPENING_PASSED)
                r->job.n_left--;
        if (h->kind == HAPPENING_EMPTY && r->job.is_flush && r->job.address + 1 < r->n_addresses) {
                r->job.address++;
                r->job.n_left = RELAY_PER_TURN;
        } else if (h->kind == HAPPENING_EMPTY) {
                end_job(r, f, true, now_ms, out);
                return;
        } else if (h->kind == HAPPENING_SHORT) {
                stop_for_now(r, f, now_ms, out);
                return;
        }
        go_on(r, f, now_ms, out);
}

static void follow_pause(struct relay *r, const struct fleet *f, uint64_t now_ms, struct intents *out) {
        if (r->pause_ms == 0 || now_ms < r->pause_ms || r->is_taking)
                return;
        r->n_refused = 0;
        /* By now there may be no queue to watch any more whose next connection would take this one along. */
        if (r->holds && !take(r, f, now_ms, out)) {
                r->pause_ms = now_ms + RELAY_PAUSE_MS;
                return;
        }
        r->pause_ms = 0;
        if (!r->holds)
                intents_add(out, &(struct intent){ .kind = INTENT_PAUSE, .flag = false });
}

/* ---- which slots ---- */

static void watch(struct relay *r, const struct fleet *f, struct intents *out) {
        bool can = false;

        if (f->is_shared)
                return;
        for (unsigned int i = 0; i < f->n_slots && !can; i++)
                can = is_served(f, i);
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++) {
                bool wanted = can && i < f->n_slots && !is_served(f, i);

                if (wanted == r->watched[i])
                        continue;
                r->watched[i] = wanted;
                intents_add(out, &(struct intent){ .kind = INTENT_WATCH, .slot = i, .flag = wanted });
        }
}

static void begin_release(struct relay *r, const struct fleet *f, const struct happening *h) {
        r->releases[h->slot][h->seat] = true;
        for (unsigned int i = 0; i < f->n_slots; i++)
                if (!is_served(f, i))
                        r->to_flush[i] = true;
}

void plan_relay(struct relay *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        switch (h->kind) {
        case HAPPENING_QUEUE:
                if (r->is_taking || r->pause_ms != 0)
                        break;
                r->job = (struct relay_job){ .runs = true, .slot = h->slot, .address = h->address, .n_left = RELAY_PER_TURN };
                go_on(r, f, now_ms, out);
                break;
        case HAPPENING_PASSED:
        case HAPPENING_UNPASSED:
        case HAPPENING_EMPTY:
        case HAPPENING_SHORT:
                follow_taking(r, f, h, now_ms, out);
                break;
        case HAPPENING_FLUSH:
                r->to_flush[h->slot] = r->to_answer[h->slot] = true;
                break;
        case HAPPENING_DONE:
                begin_release(r, f, h);
                break;
        case HAPPENING_EXITED:
                r->releases[h->slot][h->seat] = false;
                break;
        case HAPPENING_TIME:
                follow_pause(r, f, now_ms, out);
                break;
        default:
                break;
        }
        if (!r->is_taking && !r->job.runs)
                next_job(r, f, now_ms, out);
        watch(r, f, out);
}

uint64_t relay_wake_ms(const struct relay *r) {
        return r->pause_ms;
}
