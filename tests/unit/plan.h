/* Facts and intents as short texts, for tables of what a plan wants.
 *
 * Facts: a word per slot, its own seat and the one beside: "R." is a ready worker alone, "RS" one beside which another starts. Other letters are
 * E(mpty, also "."), B(ackoff), D(raining), K(illed), X (stopped), P (on probation, and ready). All are of generation 1.
 *
 * Intents: "START 0.1; AWAIT 0". What is only said (log, events) is left out. */
#ifndef RESTMARK_TESTS_PLAN_H
#define RESTMARK_TESTS_PLAN_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/fleet.h"
#include "unit.h"

enum { PLAN_NOW_MS = 100000, PLAN_TEXT_MAX = 2048 };

static struct seat plan_seat(char letter, unsigned int number) {
        static const struct {
                char letter;
                enum restmark_slot_state state;
        } states[] = { { 'S', RESTMARK_SLOT_STARTING }, { 'R', RESTMARK_SLOT_READY },  { 'P', RESTMARK_SLOT_READY },  { 'B', RESTMARK_SLOT_BACKOFF },
                       { 'D', RESTMARK_SLOT_DRAINING }, { 'K', RESTMARK_SLOT_KILLED }, { 'X', RESTMARK_SLOT_STOPPED } };
        struct seat seat = { .slot = { .state = RESTMARK_SLOT_EMPTY } };

        for (size_t i = 0; i < ELEMENTS(states); i++)
                if (states[i].letter == letter)
                        seat = (struct seat){ .slot = { .state = states[i].state },
                                              .generation = 1,
                                              .max_connections = 10,
                                              .on_probation = letter == 'P',
                                              .pid = strchr("SRPDK", letter) ? (pid_t)(100 + number) : 0 };
        seat.slot.stopping = strchr("DX", letter) != NULL;
        return seat;
}

static inline void plan_fleet(struct fleet *f, const char *text) {
        const struct policy policy = { .number = 1, .n_workers = (unsigned int)(strlen(text) + 1) / 3, .max_connections = 10, .canary_timeout_ms = 10000 };

        fleet_init(f, policy.n_workers, &policy);
        f->was_ready = true;
        for (unsigned int i = 0; i < f->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        f->seats[i][seat] = plan_seat(text[3 * i + seat], 2 * i + seat);
}

static const char *const plan_names[INTENT_KIND_COUNT] = {
        [INTENT_START] = "START",       [INTENT_ORDER] = "ORDER",     [INTENT_FREE] = "FREE",         [INTENT_SWAP] = "SWAP",
        [INTENT_WISH] = "WISH",         [INTENT_UNWISH] = "UNWISH",   [INTENT_POSTPONE] = "POSTPONE", [INTENT_AWAIT] = "AWAIT",
        [INTENT_FACT] = "FACT",         [INTENT_WORKERS] = "WORKERS", [INTENT_SLOTS] = "SLOTS",       [INTENT_PROVEN] = "PROVEN",
        [INTENT_COMMIT] = "COMMIT",     [INTENT_SERVE] = "SERVE",     [INTENT_STOPPING] = "STOPPING", [INTENT_RETIRED] = "RETIRED",
        [INTENT_DOOM] = "DOOM",         [INTENT_RESPONDS] = "RESPONDS", [INTENT_HAPPEN] = "HAPPEN",   [INTENT_FORK] = "FORK",
        [INTENT_RESTARTED] = "RESTARTED", [INTENT_CERTIFY] = "CERTIFY", [INTENT_TELL] = "TELL",       [INTENT_KILL] = "KILL",
        [INTENT_TRACE] = "TRACE",       [INTENT_CONDEMN] = "CONDEMN", [INTENT_STEER] = "STEER",       [INTENT_OPEN] = "OPEN",
        [INTENT_CLOSE] = "CLOSE",       [INTENT_WATCH] = "WATCH",     [INTENT_PAUSE] = "PAUSE",       [INTENT_TAKE] = "TAKE",
        [INTENT_SHUT] = "SHUT",         [INTENT_LOAD] = "LOAD",       [INTENT_DISCARD] = "DISCARD",   [INTENT_EXAMINE] = "EXAMINE",
        [INTENT_MEASURE] = "MEASURE",   [INTENT_TRY] = "TRY",         [INTENT_UNTRY] = "UNTRY",       [INTENT_AWAIT_IDLE] = "AWAIT_IDLE",
        [INTENT_EXECUTE] = "EXECUTE",   [INTENT_RETURN] = "RETURN",   [INTENT_KEEP] = "KEEP",         [INTENT_REPLY] = "REPLY",
        [INTENT_NOTIFY] = "NOTIFY",     [INTENT_COUNT_RELOAD] = "COUNT_RELOAD", [INTENT_EXIT] = "EXIT",
};

static const char *const plan_happening_names[HAPPENING_KIND_COUNT] = {
        [HAPPENING_AGAIN] = "AGAIN",   [HAPPENING_STOP] = "STOP",         [HAPPENING_ROUND] = "ROUND", [HAPPENING_YIELD] = "YIELD",
        [HAPPENING_PROVEN] = "PROVEN", [HAPPENING_CANCEL] = "CANCEL",     [HAPPENING_ENDS] = "ENDS",   [HAPPENING_REPLACED] = "REPLACED",
        [HAPPENING_STUCK] = "STUCK",   [HAPPENING_FREED] = "FREED",       [HAPPENING_FLUSH] = "FLUSH", [HAPPENING_FLUSHED] = "FLUSHED",
        [HAPPENING_SERVES] = "SERVES", [HAPPENING_RELOADED] = "RELOADED",
};

/* What is in an intent that is about a seat. Returns whether it is. */
static inline bool plan_write_seat(const struct intent *i, FILE *to) {
        switch (i->kind) {
        case INTENT_START:
        case INTENT_ORDER:
        case INTENT_FREE:
        case INTENT_RETIRED:
        case INTENT_DOOM:
        case INTENT_FORK:
        case INTENT_CERTIFY:
        case INTENT_KILL:
        case INTENT_TRACE:
        case INTENT_CONDEMN:
        case INTENT_EXAMINE:
        case INTENT_COMMIT:
                (void)fprintf(to, " %u.%u", i->slot, i->seat);
                return true;
        case INTENT_TELL:
                (void)fprintf(to, " %u.%u %c", i->slot, i->seat, "ARSL"[i->message]);
                return true;
        case INTENT_RESPONDS:
                (void)fprintf(to, " %u.%u %s", i->slot, i->seat, i->flag ? "yes" : "no");
                return true;
        default:
                return false;
        }
}

/* … or about something else: a slot, a number, yes or no. */
static inline void plan_write_rest(const struct intent *i, FILE *to) {
        switch (i->kind) {
        case INTENT_SWAP:
        case INTENT_WISH:
        case INTENT_UNWISH:
        case INTENT_POSTPONE:
                (void)fprintf(to, " %u", i->slot);
                break;
        case INTENT_WATCH:
                (void)fprintf(to, " %u %s", i->slot, i->flag ? "yes" : "no");
                break;
        case INTENT_TAKE:
                (void)fprintf(to, " %u for %u.%u", i->slot, i->to_slot, i->to_seat);
                break;
        case INTENT_FACT:
                (void)fprintf(to, " %d %s", (int)i->fact, i->flag ? "yes" : "no");
                break;
        case INTENT_REPLY:
                (void)fprintf(to, " %llu %s", (unsigned long long)i->ticket, i->flag ? "yes" : "no");
                break;
        case INTENT_HAPPEN:
                (void)fprintf(to, " %s", plan_happening_names[i->happening.kind]);
                break;
        case INTENT_AWAIT:
        case INTENT_WORKERS:
        case INTENT_SLOTS:
        case INTENT_PROVEN:
        case INTENT_OPEN:
        case INTENT_CLOSE:
        case INTENT_LOAD:
        case INTENT_MEASURE:
        case INTENT_EXIT:
                (void)fprintf(to, " %lld", (long long)i->number);
                break;
        case INTENT_STEER:
                for (size_t j = 0; j < i->n; j++)
                        (void)fprintf(to, " %u", i->slots[j]);
                break;
        default:
                break;
        }
}

/* All of them. `text` has PLAN_TEXT_MAX bytes. */
static inline const char *plan_write(const struct intents *intents, char *text) {
        FILE *to = fmemopen(text, PLAN_TEXT_MAX, "w");
        const char *separator = "";

        assert(to);
        memset(text, 0, PLAN_TEXT_MAX);
        for (size_t i = 0; i < intents->n; i++)
                if (intents->list[i].kind != INTENT_LOG && intents->list[i].kind != INTENT_EVENT) {
                        (void)fputs(separator, to);
                        (void)fprintf(to, "%s", plan_names[intents->list[i].kind]);
                        if (!plan_write_seat(&intents->list[i], to))
                                plan_write_rest(&intents->list[i], to);
                        separator = "; ";
                }
        (void)fclose(to);
        return text;
}

/* The facts of a test, and what a plan has wanted last. */
static struct fleet fleet;
static struct intents intents;
static char text[PLAN_TEXT_MAX];

/* The happening is that a seat has come to the state that the facts say. */
static inline struct happening changed(unsigned int slot, unsigned int seat, enum restmark_slot_state before, enum slot_action action) {
        return (struct happening){ .kind = HAPPENING_CHANGED,
                                   .slot = slot,
                                   .seat = seat,
                                   .has_change = true,
                                   .change = { .before = before, .after = fleet.seats[slot][seat].slot.state, .action = action } };
}

/* What `plan` wants because of a happening. */
#define WANTS(plan, state, ...) \
        (intents_clear(&intents), plan(state, &fleet, &(const struct happening){ __VA_ARGS__ }, PLAN_NOW_MS, &intents), plan_write(&intents, text))

#endif
