#include "base/clock.h"
#include "master/supervisor_internal.h"

static struct restmark_worker_cell *copy_of(const struct child *child) {
        return &child->supervisor->options->board->slots[child->index].workers[child->seat];
}

const struct restmark_worker_cell *cells_look(struct child *child) {
        if (child->cell.live && !cell_take(copy_of(child), child->cell.live, clock_monotonic_ms()))
                child->lies = true;
        return copy_of(child);
}

const struct restmark_worker_cell *cells_pulse(struct child *child) {
        if (child->cell.live && !cell_take_pulse(copy_of(child), child->cell.live, clock_monotonic_ms()))
                child->lies = true;
        return copy_of(child);
}

void cells_look_at_all(struct supervisor *s) {
        for (unsigned int i = 0; i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        (void)cells_look(&s->children[i][seat]);
}
