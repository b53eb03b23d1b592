#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

/* ---- chance ---- */

uint64_t world_random(struct world_state *w, uint64_t below) {
        w->random ^= w->random << 13;
        w->random ^= w->random >> 7;
        w->random ^= w->random << 17;
        return (w->random * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

bool world_one_in(struct world_state *w, uint64_t n) {
        return world_random(w, n) == 0;
}

/* ---- the past ---- */

void world_note(struct world_state *w, const char *format, ...) {
        char *line = w->trace[w->n_trace++ % WORLD_TRACE_MAX];
        int n = snprintf(line, WORLD_TRACE_TEXT, "%10.3f ", (double)w->now_ms / 1000);
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(line + n, (size_t)(WORLD_TRACE_TEXT - n), format, arguments);
        va_end(arguments);
}

void world_fail(struct world_state *w, const char *format, ...) {
        uint64_t first = w->n_trace > WORLD_TRACE_MAX ? w->n_trace - WORLD_TRACE_MAX : 0;
        va_list arguments;

        for (uint64_t i = first; i < w->n_trace; i++)
                (void)fprintf(stderr, "%s\n", w->trace[i % WORLD_TRACE_MAX]);
        va_start(arguments, format);
        (void)fprintf(stderr, "WRONG after %llu happenings: ", (unsigned long long)w->n_happenings);
        (void)vfprintf(stderr, format, arguments);
        (void)fprintf(stderr, "; again by --seed %llu\n", (unsigned long long)w->seed);
        va_end(arguments);
        exit(EXIT_FAILURE);
}

/* ---- tickets ---- */

void world_command(struct world_state *w, enum topic topic, struct happening *command) {
        if (w->n_tickets == WORLD_TICKETS_MAX)
                return;
        command->ticket = ++w->tickets_given[topic];
        w->tickets[w->n_tickets++] = (struct ticket){ topic, command->ticket, w->now_ms };
        world_note(w, "command %d, ticket %llu, number %llu, slot %u", (int)command->kind, (unsigned long long)command->ticket,
                   (unsigned long long)command->number, command->slot);
        happenings_push(&w->plans->queue, command);
}

void world_reply(struct world_state *w, const struct intent *i) {
        size_t n_answered = 0;

        for (size_t j = 0; j < w->n_tickets;) {
                const struct ticket *t = &w->tickets[j];

                if (t->topic == i->topic && (i->and_earlier ? t->number <= i->ticket : t->number == i->ticket)) {
                        w->tickets[j] = w->tickets[--w->n_tickets];
                        n_answered++;
                } else
                        j++;
        }
        w->n_replies += n_answered;
        if (!i->and_earlier && i->ticket != 0 && n_answered == 0)
                world_fail(w, "ticket %llu of topic %d is answered twice", (unsigned long long)i->ticket, (int)i->topic);
        if (i->topic == TOPIC_SCALE && i->flag && w->plans->fleet.n_slots != w->plans->fleet.n_workers)
                world_fail(w, "scaling is said to be done with %u slots of %u", w->plans->fleet.n_slots, w->plans->fleet.n_workers);
}
