/* Serves the queues of slots that have no worker for them, or one that does not respond: the master accepts what waits there and passes
 * it, over their links, to workers of other slots, which then have these connections as if they had accepted them. So nobody waits for a
 * slot that is in back-off or is retired, and nothing is reset when its sockets are closed. */
#ifndef RESTMARK_MASTER_RELAY_H
#define RESTMARK_MASTER_RELAY_H

#include <stdbool.h>

struct child;
struct relay;
struct supervisor;

enum {
        RELAY_PER_TURN = 16,  /* connections out of one queue before the loop does anything else */
        RELAY_IN_FLIGHT = 16, /* that a worker has been passed and has not yet taken over: what it keeps without having room */
        RELAY_SILENCE_MS = 2000, /* a worker that has not turned its loop for so long is passed nothing */
        RELAY_PAUSE_MS = 20,  /* while no worker has room */
};

/* NULL when there is no memory. */
struct relay *relay_new(struct supervisor *s);
struct relay *relay_free(struct relay *relay);

/* Whether it holds a connection that nobody has taken yet. */
bool relay_holds(const struct relay *relay);

/* To be called when a slot's state, or the number of slots, has changed. */
void relay_update(struct relay *relay);

/* Serves the queues of a slot now. Returns whether they are empty, and the slot's sockets may be closed. */
bool relay_flush(struct relay *relay, unsigned int slot);

/* A worker that stops has nothing left to serve. Returns whether there is nothing for it in the queues of others either, and it may leave;
 * it is not passed anything then. */
bool relay_release(struct relay *relay, struct child *child);

/* Lets go of the slot's sockets, which are going to be closed. */
void relay_forget(struct relay *relay, unsigned int slot);

#endif
