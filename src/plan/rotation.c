#include "plan/rotation.h"

#include <string.h>

static bool is_live(const struct fleet *f, unsigned int slot) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                const struct seat *s = &f->seats[slot][seat];

                if (s->slot.state == RESTMARK_SLOT_READY && !s->on_probation && !s->doomed && !s->unresponsive)
                        return true;
        }
        return false;
}

size_t rotation_choose(const struct fleet *f, unsigned int slots[static RESTMARK_SLOTS_MAX]) {
        size_t n = 0;

        for (unsigned int i = 0; i < f->n_workers; i++)
                if (is_live(f, i))
                        slots[n++] = i;
        if (n > 0)
                return n;
        for (unsigned int i = 0; i < f->n_workers; i++)
                slots[i] = i;
        return f->n_workers;
}

void plan_rotation(struct rotation *r, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        unsigned int slots[RESTMARK_SLOTS_MAX];
        size_t n;

        (void)now_ms;
        if (h->kind == HAPPENING_UNSTEERED) {
                r->has_failed = true;
                return;
        }
        if (f->stopping || r->is_refused || f->is_shared) /* during a stop nobody gets new connections */
                return;
        n = rotation_choose(f, slots);
        if (n == r->n && memcmp(slots, r->slots, n * sizeof *slots) == 0 && !(r->has_failed && h->kind == HAPPENING_ROUND))
                return;
        r->has_failed = false;
        r->n = n;
        memcpy(r->slots, slots, n * sizeof *slots);
        intents_add(out, &(struct intent){ .kind = INTENT_STEER, .slots = r->slots, .n = r->n });
}
