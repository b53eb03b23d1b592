/* What workers count of the servers that they ask (struct restmark_store_cell): read by the master as foreign numbers, summed up, buried. */
#ifndef RESTMARK_SHARED_STORE_CELL_H
#define RESTMARK_SHARED_STORE_CELL_H

#include <restmark/scoreboard.h>
#include <stdbool.h>

#include "shared/histogram.h"

/* Puts what is read into `seen`, and says whether it can be, as cell_take() has it. */
bool store_cell_read(struct restmark_store_cell *seen, const struct restmark_store_cell *copy, const struct restmark_store_cell *live);

/* Adds a dead worker's numbers to the past, and clears them. */
void store_cell_bury(struct restmark_store_cell *past, struct restmark_store_cell *worker);

/* Plain numbers: zero-initialised they are nothing. Named as those of the cell. */
struct store_sums {
        uint64_t connections, busy, waiting, good, away, refused, late, wrong, forgotten, connects, lost, wait_ns;
        struct histogram durations;
};

/* Of one slot, its dead workers included. */
void store_sums_add_slot(struct store_sums *sums, const struct restmark_slot *slot, enum restmark_store which);
struct store_sums store_sums_of(const struct restmark_scoreboard *board, enum restmark_store which);

/* Whether anything was ever asked, or a connection made or tried: else there is none, and nothing needs to be shown. */
bool store_sums_is_used(const struct store_sums *sums);

#endif
