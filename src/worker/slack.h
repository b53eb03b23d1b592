/* Memory that has been needed and is no more: of the start, and what a burst of connections leaves behind, which the C library keeps, as something in use lies above it. */
#ifndef RESTMARK_WORKER_SLACK_H
#define RESTMARK_WORKER_SLACK_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>

struct slack {
        bool start_is_over; /* what only that needed has been given back */
        uint64_t due_ms;   /* when slack_look() has something to do */
        uint64_t accepted; /* connections, at the last look */
        uint64_t held;     /* connections for which there is memory: no more can have been open at once since it was last given back */
        uint64_t open;     /* at the last look */
};

/* Whether so much of the memory is free that it is worth a walk over it. Pure but for `s`. */
bool slack_is_worth(struct slack *s, uint64_t accepted, uint64_t open);

/* The first look is due some time after the start, of one slot after the other; for it a worker wakes up, for others it does not. */
void slack_begin(struct slack *s, unsigned int slot, uint64_t now_ms);

/* How long to wait for the first look, in milliseconds; -1: it is over. */
int slack_wait_ms(const struct slack *s, uint64_t now_ms);

/* Gives back to the kernel what is free, if it is worth it. To be called when it is due. */
void slack_look(struct slack *s, const struct restmark_worker_cell *cell, uint64_t now_ms);

#endif
