/* Memory that has been needed and is no more: of the start, and what a burst of connections leaves behind, which the C library keeps, as something in use lies above it. */
#ifndef RESTMARK_WORKER_SLACK_H
#define RESTMARK_WORKER_SLACK_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>

struct slack {
        bool has_looked;   /* and so has given back what only the start needed */
        uint64_t due_ms;   /* when slack_look() has something to do */
        uint64_t accepted; /* connections, at the last look */
        uint64_t held;     /* connections for which there is memory: no more can have been open at once since it was last given back */
        uint64_t open;     /* at the last look */
};

/* Whether so much of the memory is free that it is worth a walk over it. Pure but for `s`. */
bool slack_is_worth(struct slack *s, uint64_t accepted, uint64_t open);

/* The first look is due some time after the start. */
void slack_begin(struct slack *s, uint64_t now_ms);

/* Gives back to the kernel what is free, if it is worth it. To be called when it is due. */
void slack_look(struct slack *s, const struct restmark_worker_cell *cell, uint64_t now_ms);

#endif
