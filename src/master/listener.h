/* The listening sockets: for each worker slot one SO_REUSEPORT socket per address, bound before any privileges are dropped and kept
 * by the master over the deaths of workers, so that connections in their queues survive. */
#ifndef RESTMARK_MASTER_LISTENER_H
#define RESTMARK_MASTER_LISTENER_H

#include <stddef.h>

#include "base/error.h"
#include "config/listen.h"

struct listeners {
        struct listen_list addresses; /* with the port that port 0 has become */
        unsigned int n_slots;
        int *fds; /* [slot × addresses.n + address] */
};

/* Binds and listens. Fails if anybody else, even another daemon of the same user, listens there already. */
int listeners_open(const struct listen_list *addresses, unsigned int n_slots, int backlog, struct listeners **ret, struct error *e);

/* Closes them all. NULL-safe; returns NULL. */
struct listeners *listeners_free(struct listeners *listeners);

/* The sockets of one slot, addresses.n of them. */
const int *listeners_of(const struct listeners *listeners, unsigned int slot);

/* From now on no new connection is begun, while those that have been go on into the queues: with that the queues can be served to
 * the end before the sockets are closed, which resets whatever is in them. */
int listeners_refuse_new(const struct listeners *listeners, struct error *e);

#endif
