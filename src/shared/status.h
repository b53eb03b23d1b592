/* The scoreboard as text for people and programs. Memory is as of its last sample: see act/memory.h. */
#ifndef RESTMARK_SHARED_STATUS_H
#define RESTMARK_SHARED_STATUS_H

#include <restmark/scoreboard.h>
#include <stdio.h>

const char *status_slot_state_name(enum restmark_slot_state state);
const char *status_route_name(enum restmark_route route);
const char *status_cause_name(enum restmark_cause cause);
const char *status_close_name(enum restmark_close why);
const char *status_store_name(enum restmark_store which);

/* One JSON object on one line each; units are in the names, and what is not known or not there is null. Their fields are described in
 * restmarkctl(1). All of it; the workers alone; the processes' memory alone. */
void status_write_json(const struct restmark_scoreboard *board, FILE *to);
void status_write_workers_json(const struct restmark_scoreboard *board, FILE *to);
void status_write_memory_json(const struct restmark_scoreboard *board, FILE *to);

/* Tables for a terminal of 80 columns: workers and routes; what each process is and does; the processes' memory. */
void status_write_table(const struct restmark_scoreboard *board, FILE *to);
void status_write_workers_table(const struct restmark_scoreboard *board, FILE *to);
void status_write_memory_table(const struct restmark_scoreboard *board, FILE *to);

#endif
