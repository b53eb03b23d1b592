/* The queues of slots that do not serve them: watched, and connections taken out of them and passed to workers of other slots. To whom, and when,
 * is for others to say. */
#ifndef RESTMARK_ACT_RELAY_H
#define RESTMARK_ACT_RELAY_H

#include "act/act.h"

struct relay_sockets;

/* NULL when there is no memory. */
struct relay_sockets *relay_sockets_new(struct act *act);
struct relay_sockets *relay_sockets_free(struct relay_sockets *sockets);

/* Reports QUEUE from now on when somebody waits for the slot; or no longer. */
void relay_sockets_watch(struct relay_sockets *sockets, unsigned int slot, bool on);

/* For all that are watched: no reports for a while, or again. */
void relay_sockets_pause(struct relay_sockets *sockets, bool on);

/* Takes a connection from the queue of `slot`, `address`, or if `held` the one that nobody took before, and passes it to the worker in a seat.
 * Reports PASSED or UNPASSED, about that seat, and in the latter case holds the connection; or EMPTY, or SHORT, about the queue. */
void relay_sockets_take(struct relay_sockets *sockets, unsigned int slot, unsigned int address, bool held, unsigned int to_slot, unsigned int to_seat);

#endif
