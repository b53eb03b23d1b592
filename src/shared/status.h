/* The scoreboard as text for people and programs. */
#ifndef RESTMARK_SHARED_STATUS_H
#define RESTMARK_SHARED_STATUS_H

#include <restmark/scoreboard.h>
#include <stdio.h>

const char *status_slot_state_name(enum restmark_slot_state state);

/* One JSON object on one line; units are in the names. */
void status_write_json(const struct restmark_scoreboard *board, FILE *to);

/* Tables for a terminal of 80 columns. */
void status_write_table(const struct restmark_scoreboard *board, FILE *to);

#endif
