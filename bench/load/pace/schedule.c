#include "pace/schedule.h"

#include <math.h>

#include "pace/random.h"

enum { STREAM_GAPS = 1 };

static double gap_before(const struct schedule *s, uint64_t position) {
        return -log(random_unit(random_at(s->seed, STREAM_GAPS, position))) * s->gap_ns;
}

struct schedule schedule_begin(double rate, bool poisson, uint64_t seed, uint64_t first, uint64_t step) {
        struct schedule s = { .gap_ns = 1e9 / rate, .poisson = poisson, .seed = seed, .step = step, .position = first };

        for (uint64_t i = 0; poisson && i <= first; i++)
                s.due_ns += gap_before(&s, i);
        return s;
}

uint64_t schedule_due_ns(const struct schedule *s) {
        return (uint64_t)(s->poisson ? s->due_ns : (double)s->position * s->gap_ns);
}

void schedule_advance(struct schedule *s) {
        for (uint64_t i = 1; s->poisson && i <= s->step; i++)
                s->due_ns += gap_before(s, s->position + i);
        s->position += s->step;
}
