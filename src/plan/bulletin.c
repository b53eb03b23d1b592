#include "plan/bulletin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void format(const struct bulletin *b, const struct fleet *f, char *text) {
        (void)snprintf(text, BULLETIN_TEXT_MAX, "%u of %u workers ready, generation %u, %" PRIu64 " requests/s", fleet_count_ready(f), f->n_workers,
                       f->current.number, b->per_second);
}

static void tell(struct bulletin *b, enum notice notice, struct intents *out) {
        intents_say(out, &(struct intent){ .kind = INTENT_NOTIFY, .notice = notice }, "%s", b->told);
}

static void count(struct bulletin *b, const struct fleet *f, uint64_t now_ms) {
        uint64_t took_ms = now_ms - b->counted_ms;

        /* Fewer than before: slots have gone, with what they had counted. */
        b->per_second = f->requests < b->requests || took_ms == 0 ? 0 : (f->requests - b->requests) * 1000 / took_ms;
        b->requests = f->requests;
        b->counted_ms = now_ms;
}

void plan_bulletin(struct bulletin *b, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        char text[BULLETIN_TEXT_MAX];

        if (h->kind == HAPPENING_BEGIN) {
                b->has_begun = f->was_ready;
                b->requests = f->requests;
                b->counted_ms = now_ms;
        } else if (h->kind == HAPPENING_ROUND && b->is_heard && now_ms >= b->counted_ms + BULLETIN_PERIOD_MS)
                count(b, f, now_ms);
        if (f->stopping)
                return;
        format(b, f, text);
        if (h->kind == HAPPENING_SERVES || h->kind == HAPPENING_RELOADED) { /* the start or a reload has ended */
                memcpy(b->told, text, sizeof text);
                tell(b, NOTICE_READY, out);
                b->has_begun = true;
        } else if (b->is_heard && b->has_begun && strcmp(text, b->told) != 0) {
                memcpy(b->told, text, sizeof text);
                tell(b, NOTICE_STATUS, out);
        }
}
