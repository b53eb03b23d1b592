/* The scoreboard of include/restmark/scoreboard.h: its memory, and how to write and read cells. */
#ifndef RESTMARK_SHARED_SCOREBOARD_H
#define RESTMARK_SHARED_SCOREBOARD_H

#include <restmark/scoreboard.h>
#include <stdbool.h>

#include "base/error.h"

enum { SCOREBOARD_QUERY_MAX = 64 };

/* The workload that a worker is at. */
struct scoreboard_work {
        uint64_t since_ms; /* CLOCK_MONOTONIC */
        enum restmark_route route;
        uint64_t count, n, seed; /* what the route has no use for has no meaning */
};

/* Makes an empty one, in memory that forks do not get. Pages that nobody writes cost nothing. The descriptor *ret_fd (the caller's,
 * close-on-exec) is the same memory, for a program that is executed in this one's place; a worker closes it before it serves. */
int scoreboard_new(struct restmark_scoreboard **ret, int *ret_fd, struct error *e);

/* The one that another program has made. */
int scoreboard_adopt(int fd, struct restmark_scoreboard **ret, struct error *e);

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

/* For the worker: a workload begins, whose parameters are set before it is announced, and ends. */
static inline void scoreboard_begin_work(struct restmark_worker_cell *cell, enum restmark_route route, uint64_t since_ms) {
        cell_set(&cell->working_route, route);
        atomic_store_explicit(&cell->working_since_ms, since_ms, memory_order_release);
}

static inline void scoreboard_end_work(struct restmark_worker_cell *cell) {
        cell_set(&cell->working_since_ms, 0);
        atomic_thread_fence(memory_order_release); /* the next one's parameters come after; no instruction on x86 */
}

/* Returns false if there is none, or if it changed while it was read, which takes a worker that is not stuck. */
bool scoreboard_read_work(const struct restmark_worker_cell *cell, struct scoreboard_work *ret);

/* The query that asks for this work, "?n=5&seed=7", or "" for a route without parameters; into `text` (SCOREBOARD_QUERY_MAX bytes). */
const char *scoreboard_format_query(const struct scoreboard_work *work, char *text);

/* Adds a dead worker's numbers to the slot's past and clears its seat's cell for the next one. Master only, without a worker in
 * that seat. Returns the requests that it had served. */
uint64_t scoreboard_bury(struct restmark_slot *slot, unsigned int seat);

/* How many slots there are from now on. Master only. */
void scoreboard_set_slots(struct restmark_scoreboard *board, uint32_t n_slots);

#endif
