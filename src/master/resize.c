#include "master/resize.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/supervisor_internal.h"
#include "master/workroom.h"
#include "shared/scoreboard.h"

struct resize {
        struct supervisor *s;
        uint64_t ticket;          /* of the newest request */
        bool waits;               /* that one is not yet answered */
        unsigned int goal;        /* what it asks for */
        unsigned int n_before;    /* workers, before it */
        unsigned int n_proven;    /* workers that have been ready: what is left if a new one does not start */
        unsigned int n_configured; /* of the last generation that was looked at */
        uint64_t started_ms;
        uint64_t left_ms[RESTMARK_SLOTS_MAX]; /* when the slot left the rotation, monotonic */
        sd_event_source *linger;
};

bool resize_runs(const struct resize *r) {
        return r->waits;
}

static const char *plural(unsigned int n) {
        return n == 1 ? "" : "s";
}

/* ---- the end ---- */

static void __attribute__((format(printf, 3, 4))) finish(struct resize *r, bool ok, const char *format, ...) {
        char text[512];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        r->waits = false;
        log_message(ok ? LOG_NOTICE : LOG_ERR, "%s", text);
        events_add(r->s->events, EVENT_SCALE, -1, "%s", text);
        if (r->s->options->control)
                control_finish(r->s->options->control, (struct control_ticket){ CONTROL_TOPIC_SCALE, r->ticket }, ok, text);
        upgrade_on_change(r->s->upgrade);
}

bool resize_is_new(const struct resize *r, unsigned int index) {
        return index >= r->n_proven;
}

void resize_abandon(struct resize *r) {
        r->waits = false;
        if (r->s->options->control)
                control_finish(r->s->options->control, (struct control_ticket){ CONTROL_TOPIC_SCALE, r->ticket }, false, "the daemon stops");
}

/* ---- growing ---- */

/* In the seat that is free; if workers that leave have both, it is tried again when one is gone. */
static void start_slot(struct supervisor *s, unsigned int index) {
        if (child_primary(s, index)->slot.state != RESTMARK_SLOT_EMPTY) {
                if (child_beside(s, index)->slot.state != RESTMARK_SLOT_EMPTY)
                        return;
                s->options->board->slots[index].slot.primary = child_beside(s, index)->seat;
        }
        child_start(child_primary(s, index), s->generation, false);
}

static int grow(struct resize *r, struct error *e) {
        struct supervisor *s = r->s;
        struct restmark_scoreboard *board = s->options->board;
        int result = r->goal > s->n_slots ? listeners_resize(s->options->listeners, r->goal, e) : 0;

        if (result < 0)
                return result;
        for (; s->n_slots < r->goal; s->n_slots++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        child_init(&s->children[s->n_slots][seat], s, s->n_slots, seat);
        scoreboard_set_slots(board, s->n_slots);
        while (s->n_workers < r->goal && !s->stopping)
                start_slot(s, s->n_workers++);
        return 0;
}

/* ---- shrinking ---- */

static void retire(struct supervisor *s, unsigned int index) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                struct child *child = &s->children[index][seat];

                if (child->slot.state == RESTMARK_SLOT_EMPTY)
                        continue;
                child_blame(child, RESTMARK_CAUSE_SCALE);
                child_step(child, SLOT_EVENT_STOP);
        }
}

static void shrink(struct resize *r, unsigned int n_workers) {
        struct supervisor *s = r->s;
        unsigned int before = s->n_workers;

        /* Out of the rotation first: then nobody comes any more, and their workers can go. */
        s->n_workers = n_workers;
        rotation_update(s->rotation);
        for (unsigned int i = n_workers; i < before; i++) {
                r->left_ms[i] = clock_monotonic_ms();
                replace_forget(s->replace, i);
                retire(s, i);
        }
        if (r->n_proven > n_workers)
                r->n_proven = n_workers;
}

static int on_linger_over(sd_event_source *source, uint64_t usec, void *context) {
        struct resize *r = context;

        (void)source;
        (void)usec;
        r->linger = sd_event_source_unref(r->linger);
        supervisor_report(r->s);
        return 0;
}

static void wait_until(struct resize *r, uint64_t when_ms) {
        int result;

        if (r->linger)
                return;
        result = sd_event_add_time(r->s->event, &r->linger, CLOCK_MONOTONIC, when_ms * 1000, 1000, on_linger_over, r);
        if (result < 0)
                log_message(LOG_WARNING, "cannot set a timer for the end of retired slots: %s", strerror(-result));
}

static bool is_empty(const struct supervisor *s, unsigned int index) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                if (s->children[index][seat].slot.state != RESTMARK_SLOT_EMPTY)
                        return false;
        return true;
}

/* Whether the sockets of a slot without workers may be closed; if not yet, it is looked at again. */
static bool is_done_with(struct resize *r, unsigned int index, uint64_t now_ms) {
        enum { LOOK_AGAIN_MS = 20 };

        if (now_ms < r->left_ms[index] + RESIZE_LINGER_MS) {
                wait_until(r, r->left_ms[index] + RESIZE_LINGER_MS);
                return false;
        }
        if (relay_flush(r->s->relay, index))
                return true;
        wait_until(r, now_ms + LOOK_AGAIN_MS);
        return false;
}

/* Closes what has been retired, from the top, as far as it is done with. */
static void close_retired(struct resize *r) {
        struct supervisor *s = r->s;
        uint64_t now_ms = clock_monotonic_ms();
        unsigned int top = s->n_slots;
        struct error e;

        while (top > s->n_workers && is_empty(s, top - 1) && is_done_with(r, top - 1, now_ms))
                relay_forget(s->relay, --top);
        if (top == s->n_slots)
                return;
        if (listeners_resize(s->options->listeners, top, &e) < 0) /* closing does not fail */
                log_message(LOG_ERR, "%s", e.text);
        s->n_slots = top;
        scoreboard_set_slots(s->options->board, top);
}

/* ---- requests ---- */

static void begin(struct resize *r) {
        struct supervisor *s = r->s;
        struct error e;

        if (r->goal == s->n_workers)
                return;
        log_message(LOG_NOTICE, "from %u to %u worker%s", s->n_workers, r->goal, plural(r->goal));
        if (r->goal < s->n_workers)
                shrink(r, r->goal);
        else if (grow(r, &e) < 0) {
                r->goal = s->n_workers;
                finish(r, false, "%s; %u worker%s go on", e.text, s->n_workers, plural(s->n_workers));
        }
}

int resize_request(struct resize *r, unsigned int n_workers, uint64_t *ret, struct error *e) {
        struct supervisor *s = r->s;
        int result = 0;

        if (n_workers > s->n_workers)
                result = s->options->source.budget(s->options->source.context, s->generation->config, n_workers, e);
        if (result == 0 && n_workers > s->n_workers)
                result = workroom_check(s, n_workers - s->n_workers, e);
        if (result < 0)
                return result;
        if (!r->waits) {
                r->n_before = s->n_workers;
                r->started_ms = clock_monotonic_ms();
        }
        r->goal = n_workers;
        r->waits = true;
        *ret = ++r->ticket;
        supervisor_report(s);
        return 0;
}

int resize_request_by(struct resize *r, int difference, struct error *e) {
        unsigned int now = r->goal;
        uint64_t ticket;

        if (difference < 0 && now <= (unsigned int)-difference)
                return error_set(e, -ERANGE, "there is one worker at least");
        if (difference > 0 && now + (unsigned int)difference > RESTMARK_SLOTS_MAX)
                return error_set(e, -ERANGE, "there are %d workers at most", RESTMARK_SLOTS_MAX);
        return resize_request(r, difference < 0 ? now - (unsigned int)-difference : now + (unsigned int)difference, &ticket, e);
}

/* ---- the steps ---- */

/* A new configuration changes the number only if it asks for another one than the last did: else what `scale` has set stays. */
static void look_at_generation(struct resize *r) {
        unsigned int configured = r->s->generation->n_workers;
        uint64_t ticket;
        struct error e;

        if (configured == r->n_configured)
                return;
        r->n_configured = configured;
        if (resize_request(r, configured, &ticket, &e) < 0)
                log_message(LOG_ERR, "[server] processes is not applied: %s; %u worker%s go on", e.text, r->s->n_workers,
                            plural(r->s->n_workers));
}

/* The seats of a slot's own workers that have ended (of those beside them others take care); and a slot that is wanted again while its
 * worker leaves gets a new one. */
static void tend_slots(struct supervisor *s) {
        for (unsigned int i = 0; i < s->n_slots; i++) {
                struct child *own = child_primary(s, i);

                if (own->slot.state == RESTMARK_SLOT_STOPPED) {
                        own->generation = generation_unref(own->generation);
                        own->slot = (struct slot){ .state = RESTMARK_SLOT_EMPTY };
                        child_cell(own)->state = RESTMARK_SLOT_EMPTY;
                }
                if (i < s->n_workers && (own->slot.state == RESTMARK_SLOT_EMPTY || own->slot.stopping))
                        start_slot(s, i);
        }
}

static void check_new_slots(struct resize *r) {
        struct supervisor *s = r->s;
        unsigned int failed = r->n_proven;

        while (r->n_proven < s->n_workers && child_primary(s, r->n_proven)->slot.state == RESTMARK_SLOT_READY)
                r->n_proven++;
        for (failed = r->n_proven; failed < s->n_workers; failed++)
                if (child_primary(s, failed)->slot.failures > 0)
                        break;
        if (failed >= s->n_workers)
                return;
        shrink(r, r->n_proven);
        r->goal = s->n_workers;
        finish(r, false, "worker %u fails to start, as the log says; %u worker%s go on", failed, s->n_workers, plural(s->n_workers));
}

void resize_update(struct resize *r) {
        struct supervisor *s = r->s;

        if (s->stopping)
                return;
        tend_slots(s); /* first, else a new worker would be put beside the seat of a dead one, which nobody would free any more */
        if (!reload_runs(s->reload)) {
                look_at_generation(r);
                begin(r);
                check_new_slots(r);
        }
        tend_slots(s);
        close_retired(r);
        if (r->waits && r->goal == s->n_workers && r->n_proven == s->n_workers && s->n_slots == s->n_workers)
                finish(r, true, "%u worker%s, after %u; it took %.1f s", s->n_workers, plural(s->n_workers), r->n_before,
                       (double)(clock_monotonic_ms() - r->started_ms) / 1000);
}

/* ---- the whole ---- */

int resize_new(struct supervisor *s, struct resize **ret, struct error *e) {
        struct resize *r = calloc(1, sizeof *r);

        if (!r)
                return error_set_errno(e, ENOMEM, "cannot keep track of the number of workers");
        r->s = s;
        r->goal = r->n_proven = s->n_workers;
        r->n_configured = s->generation->n_workers;
        *ret = r;
        return 0;
}

struct resize *resize_free(struct resize *r) {
        if (!r)
                return NULL;
        sd_event_source_unref(r->linger);
        free(r);
        return NULL;
}
