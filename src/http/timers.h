/* Which of many timers runs out first: a binary heap, in which adding and taking out cost a logarithm of their number. Pure. */
#ifndef RESTMARK_HTTP_TIMERS_H
#define RESTMARK_HTTP_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* A part of whatever waits; zero at first. */
struct timer {
        uint64_t due_ms;
        size_t place; /* in the heap, from 1; 0: it does not run */
};

struct timers {
        struct timer **heap;
        size_t n, n_max;
};

/* Memory is taken as timers come; that for all is promised here. Returns 0 or -ENOMEM. */
int timers_init(struct timers *t, size_t n_max);
void timers_deinit(struct timers *t);

/* For one that does not run. Returns 0, or -ENOSPC if n_max run. */
int timers_add(struct timers *t, struct timer *timer, uint64_t due_ms);

/* Nothing happens if it does not run. */
void timers_remove(struct timers *t, struct timer *timer);

/* The one that runs out first; NULL if none runs. */
static inline struct timer *timers_first(const struct timers *t) {
        return t->n > 0 ? t->heap[0] : NULL;
}

#endif
