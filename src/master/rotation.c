#include "master/rotation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "master/supervisor_internal.h"

_Static_assert(SELECTOR_SLOTS_MAX == RESTMARK_SLOTS_MAX, "a selector can name every slot");

struct rotation {
        struct supervisor *s;
        bool is_refused; /* the kernel takes no program */
        size_t n; /* of `slots`; 0: not yet chosen */
        unsigned int slots[RESTMARK_SLOTS_MAX]; /* that the kernel chooses from */
};

bool rotation_is_live(const struct supervisor *s, unsigned int slot) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                const struct child *child = &s->children[slot][seat];

                if (child->slot.state == RESTMARK_SLOT_READY && !child->on_probation && !child->doomed && !child->unresponsive)
                        return true;
        }
        return false;
}

static size_t choose(const struct supervisor *s, unsigned int slots[static RESTMARK_SLOTS_MAX]) {
        size_t n = 0;

        for (unsigned int i = 0; i < s->n_workers; i++)
                if (rotation_is_live(s, i))
                        slots[n++] = i;
        for (unsigned int i = 0; n == 0 && i < s->n_workers; i++)
                slots[i] = i;
        return n > 0 ? n : s->n_workers;
}

static int steer(struct rotation *r, size_t n, const unsigned int *slots, struct error *e) {
        const struct supervisor_options *o = r->s->options;
        struct selector selector;

        if (o->boot->balance == BALANCE_CPU)
                selector_build_cpu(&selector, slots, n, o->cpus->at, o->cpus->n);
        else
                selector_build_random(&selector, slots, n);
        return listeners_steer(o->listeners, &selector, e);
}

int rotation_new(struct supervisor *s, struct rotation **ret, struct error *e) {
        struct rotation *r = calloc(1, sizeof *r);
        int result;

        if (!r)
                return error_set_errno(e, ENOMEM, "cannot keep track of the slots in rotation");
        r->s = s;
        r->n = choose(s, r->slots);
        result = s->options->listeners->shared ? 0 : steer(r, r->n, r->slots, e);
        if (result == -EPERM || result == -EACCES || result == -ENOSYS || result == -ENOPROTOOPT) { /* a filter of system calls, or the kernel */
                log_message(LOG_WARNING, "%s: its hash chooses, also slots without a worker, whose connections the master passes on", e->text);
                r->is_refused = true;
                result = 0;
        }
        if (result < 0) {
                (void)rotation_free(r);
                return result;
        }
        *ret = r;
        return 0;
}

struct rotation *rotation_free(struct rotation *r) {
        free(r);
        return NULL;
}

void rotation_update(struct rotation *r) {
        unsigned int slots[RESTMARK_SLOTS_MAX];
        size_t n = choose(r->s, slots);
        struct error e;

        /* During a stop nobody gets new connections. */
        if (r->s->stopping || r->is_refused || r->s->options->listeners->shared || (n == r->n && memcmp(slots, r->slots, n * sizeof *slots) == 0))
                return;
        if (steer(r, n, slots, &e) < 0) {
                log_message(LOG_WARNING, "%s", e.text); /* tried again at the next change */
                return;
        }
        r->n = n;
        memcpy(r->slots, slots, n * sizeof *slots);
}
