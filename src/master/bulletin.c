#include "master/bulletin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/notify.h"
#include "base/clock.h"
#include "base/log.h"
#include "master/supervisor_internal.h"
#include "shared/scoreboard.h"

struct bulletin {
        struct supervisor *s;
        sd_event_source *timer;
        uint64_t requests, counted_ms; /* in all, when they were counted last */
        uint64_t per_second;
        char told[BULLETIN_TEXT_MAX];
};

static uint64_t requests_of(const struct restmark_worker_cell *cell) {
        uint64_t n = 0;

        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                n += cell_get(&cell->routes[i].requests);
        return n;
}

static uint64_t count_requests(struct supervisor *s) {
        uint64_t n = 0;

        cells_look_at_all(s);
        for (unsigned int i = 0; i < s->n_slots; i++) {
                const struct restmark_slot *slot = &s->options->board->slots[i];

                n += requests_of(&slot->slot.past);
                for (int seat = 0; seat < RESTMARK_SEATS; seat++)
                        n += requests_of(&slot->workers[seat]);
        }
        return n;
}

static const char *format(const struct bulletin *b, char *text) {
        struct supervisor *s = b->s;
        unsigned int n_ready = 0;

        for (unsigned int i = 0; i < s->n_workers; i++)
                n_ready += child_primary(s, i)->slot.state == RESTMARK_SLOT_READY;
        (void)snprintf(text, BULLETIN_TEXT_MAX, "%u of %u workers ready, generation %u, %" PRIu64 " requests/s", n_ready, s->n_workers,
                       s->generation->number, b->per_second);
        return text;
}

void bulletin_update(struct bulletin *b) {
        char text[BULLETIN_TEXT_MAX];

        if (!b->timer || !b->s->was_ready || b->s->stopping || strcmp(format(b, text), b->told) == 0)
                return;
        memcpy(b->told, text, sizeof text);
        notify_status(text);
}

void bulletin_ready(struct bulletin *b) {
        notify_ready(format(b, b->told));
}

/* The loop is woken every five seconds, with a second's leeway: a hundredth of a thousandth of a CPU. */
static int on_timer(sd_event_source *source, uint64_t usec, void *context) {
        struct bulletin *b = context;
        uint64_t now_ms = clock_monotonic_ms(), requests = count_requests(b->s), took_ms = now_ms - b->counted_ms;
        int r;

        (void)usec;
        /* Fewer than before: slots have gone, with what they had counted. */
        b->per_second = requests < b->requests || took_ms == 0 ? 0 : (requests - b->requests) * 1000 / took_ms;
        b->requests = requests;
        b->counted_ms = now_ms;
        bulletin_update(b);
        r = sd_event_source_set_time_relative(source, BULLETIN_PERIOD_MS * UINT64_C(1000));
        if (r >= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (r < 0)
                log_message(LOG_WARNING, "the status for systemd is not kept current: %s", strerror(-r));
        return 0;
}

int bulletin_new(struct supervisor *s, struct bulletin **ret, struct error *e) {
        struct bulletin *b = calloc(1, sizeof *b);
        int r = 0;

        if (!b)
                return error_set_errno(e, ENOMEM, "cannot keep systemd informed");
        b->s = s;
        b->requests = count_requests(s);
        b->counted_ms = clock_monotonic_ms();
        if (notify_is_heard())
                r = sd_event_add_time_relative(s->event, &b->timer, CLOCK_MONOTONIC, BULLETIN_PERIOD_MS * UINT64_C(1000), 1000000, on_timer, b);
        if (r < 0) {
                (void)bulletin_free(b);
                return error_set_errno(e, -r, "cannot keep systemd informed");
        }
        *ret = b;
        return 0;
}

struct bulletin *bulletin_free(struct bulletin *b) {
        if (!b)
                return NULL;
        sd_event_source_unref(b->timer);
        free(b);
        return NULL;
}
