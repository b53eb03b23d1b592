/* What workers have asked a database and a cache, as text. Internal to shared/. */
#ifndef RESTMARK_SHARED_STATUS_STORES_H
#define RESTMARK_SHARED_STATUS_STORES_H

#include <restmark/scoreboard.h>
#include <stdio.h>

/* "stores":{…}, of one slot, or of all when that is NULL. */
void status_write_stores(const struct restmark_scoreboard *board, const struct restmark_slot *slot, FILE *to);

/* A table of those that are used, with an empty line before it; nothing if none is. */
void status_write_stores_table(const struct restmark_scoreboard *board, FILE *to);

#endif
