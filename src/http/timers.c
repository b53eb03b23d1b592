#include "http/timers.h"

#include <errno.h>
#include <stdlib.h>

int timers_init(struct timers *t, size_t n_max) {
        *t = (struct timers){ .heap = malloc(n_max * sizeof(struct timer *)), .n_max = n_max };
        return t->heap ? 0 : -ENOMEM;
}

void timers_deinit(struct timers *t) {
        free(t->heap);
        *t = (struct timers){ .heap = NULL };
}

static void put(struct timers *t, size_t at, struct timer *timer) {
        t->heap[at] = timer;
        timer->place = at + 1;
}

/* Lets the timer rise from the hole at `at` to where none above is later. */
static void rise(struct timers *t, size_t at, struct timer *timer) {
        while (at > 0 && t->heap[(at - 1) / 2]->due_ms > timer->due_ms) {
                put(t, at, t->heap[(at - 1) / 2]);
                at = (at - 1) / 2;
        }
        put(t, at, timer);
}

/* Lets it sink to where none below is earlier. */
static void sink(struct timers *t, size_t at, struct timer *timer) {
        for (;;) {
                size_t below = 2 * at + 1;

                if (below + 1 < t->n && t->heap[below + 1]->due_ms < t->heap[below]->due_ms)
                        below++;
                if (below >= t->n || t->heap[below]->due_ms >= timer->due_ms)
                        break;
                put(t, at, t->heap[below]);
                at = below;
        }
        put(t, at, timer);
}

int timers_add(struct timers *t, struct timer *timer, uint64_t due_ms) {
        if (t->n == t->n_max)
                return -ENOSPC;
        timer->due_ms = due_ms;
        rise(t, t->n++, timer);
        return 0;
}

void timers_remove(struct timers *t, struct timer *timer) {
        struct timer *last;
        size_t at = timer->place - 1;

        if (timer->place == 0)
                return;
        timer->place = 0;
        last = t->heap[--t->n];
        if (last == timer)
                return;
        if (at > 0 && t->heap[(at - 1) / 2]->due_ms > last->due_ms)
                rise(t, at, last);
        else
                sink(t, at, last);
}
