/* The listening sockets: for each worker slot one SO_REUSEPORT socket per address, kept by the master over the deaths of workers, so that
 * connections in their queues survive; or one per address that all slots share.
 *
 * The sockets of an address are a group in the kernel, in the order in which they began to listen, and a selector names them by their place
 * in it. When one is closed, the last one moves into its place. So slots begin in ascending order and only the highest one ends: a socket's
 * place is then its slot's number. */
#ifndef RESTMARK_ACT_LISTENER_H
#define RESTMARK_ACT_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "act/local_socket.h"
#include "act/selector.h"
#include "base/error.h"
#include "config/listen.h"

struct listeners {
        struct listen_list addresses; /* with the port that port 0 has become */
        bool shared;                  /* the sockets of slot 0 are those of all slots */
        bool given;                   /* by systemd, or left to it, which goes on to listen when this daemon stops */
        bool stored;                  /* systemd has copies, see store.h */
        int backlog;
        unsigned int n_slots; /* that have sockets */
        unsigned int n_open;  /* groups of sockets that are open: more while systemd still has copies of those that are to be closed */
        int *fds;             /* [slot × addresses.n + address]; those of a Unix socket are all the same one */
        struct local_place places[LISTEN_MAX]; /* of the files of Unix sockets that are this daemon's to remove */
};

/* Why one cannot listen on `address`, by the positive errno value that the kernel gives. Returns -errnum. */
int listeners_explain(const struct listen_address *address, int errnum, struct error *e);

/* Binds and listens with one socket, which nobody can share. Port 0 becomes the one that the kernel chooses, in *address. Returns 0, or a
 * negative errno value with a sentence. */
int listener_open_one(struct listen_address *address, int backlog, int *ret, struct error *e);

/* Binds and listens. Fails if anybody else, even another daemon of the same user, listens there already. */
int listeners_open(const struct listen_list *addresses, bool shared, unsigned int n_slots, int backlog, struct listeners **ret,
                   struct error *e);

/* The same with sockets that listen already, from another master or from systemd: `fds` is [slot × addresses->n + address], slots in the
 * order in which they began to listen (if `shared`, slot 0's alone). They belong to *ret on success only; those of slots that
 * they lack are opened. */
int listeners_adopt(const struct listen_list *addresses, bool shared, const int *fds, unsigned int n_adopted, unsigned int n_slots,
                    int backlog, struct listeners **ret, struct error *e);

/* Opens the sockets of new slots, or closes those of the highest ones, which resets what is left in their queues; if systemd has copies, not
 * before it has given up these. On failure nothing has changed. New ones get no connection before a selector names them. */
int listeners_resize(struct listeners *listeners, unsigned int n_slots, struct error *e);

/* Lets systemd keep copies from now on, or no longer. */
void listeners_store(struct listeners *listeners);
void listeners_unstore(struct listeners *listeners);

/* Leaves them to systemd, which has copies, for the next daemon: they are `given` from now on, and what waits there stays there. */
void listeners_leave(struct listeners *listeners);

/* Lets the kernel choose by `selector`. Not if they are shared. */
int listeners_steer(const struct listeners *listeners, const struct selector *selector, struct error *e);

/* Closes them all. NULL-safe; returns NULL. */
struct listeners *listeners_free(struct listeners *listeners);

/* The sockets of one slot, addresses.n of them. */
const int *listeners_of(const struct listeners *listeners, unsigned int slot);

/* From now on no new connection is begun, while those that have been go on into the queues: with that the queues can be served to
 * the end before the sockets are closed, which resets whatever is in them. Given ones stay as they are: they serve the next daemon. */
int listeners_refuse_new(const struct listeners *listeners, struct error *e);

#endif
