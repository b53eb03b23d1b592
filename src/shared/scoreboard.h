/* The scoreboard of include/restmark/scoreboard.h: its memory, and how to write and read cells. */
#ifndef RESTMARK_SHARED_SCOREBOARD_H
#define RESTMARK_SHARED_SCOREBOARD_H

#include <restmark/scoreboard.h>

#include "base/error.h"

/* Makes an empty one in memory that forks share. Pages that nobody writes cost nothing. */
int scoreboard_new(struct restmark_scoreboard **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct restmark_scoreboard *scoreboard_free(struct restmark_scoreboard *board);

/* For the one writer of a cell: a plain load and store that readers see whole; no locked instruction. */
static inline void cell_add(_Atomic uint64_t *cell, uint64_t n) {
        atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void cell_sub(_Atomic uint64_t *cell, uint64_t n) {
        atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) - n, memory_order_relaxed);
}

static inline void cell_set(_Atomic uint64_t *cell, uint64_t value) {
        atomic_store_explicit(cell, value, memory_order_relaxed);
}

static inline uint64_t cell_get(const _Atomic uint64_t *cell) {
        return atomic_load_explicit(cell, memory_order_relaxed);
}

/* Adds a dead worker's numbers to the slot's past and clears its seat's cell for the next one. Master only, without a worker in
 * that seat. Returns the requests that it had served. */
uint64_t scoreboard_bury(struct restmark_slot *slot, unsigned int seat);

#endif
