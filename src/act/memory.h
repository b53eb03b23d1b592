/* The memory of the master and its workers, sampled into the scoreboard when somebody wants to know it. */
#ifndef RESTMARK_ACT_MEMORY_H
#define RESTMARK_ACT_MEMORY_H

#include <restmark/scoreboard.h>

enum { MEMORY_FRESH_MS = 1000 }; /* so that many readers cost no more than one */

/* Samples every process whose last sample is `max_age_ms` old or older. What cannot be read is marked as not known. */
void memory_refresh(struct restmark_scoreboard *board, uint64_t max_age_ms);

/* The same of one worker. */
void memory_refresh_seat(struct restmark_seat_cell *seat, uint64_t max_age_ms);

#endif
