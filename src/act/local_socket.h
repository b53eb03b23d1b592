/* Unix sockets of the master's, as files: whose one is, and how it is made and taken away. */
#ifndef RESTMARK_ACT_LOCAL_SOCKET_H
#define RESTMARK_ACT_LOCAL_SOCKET_H

#include <sys/types.h>

#include "base/error.h"
#include "config/listen.h"

/* Which file a path is. */
struct local_place {
        dev_t device;
        ino_t inode; /* 0: none */
};

/* The process that answers on `path`: its pid, 0 if none does (no such file, or a stale one), or a negative errno value. */
pid_t local_socket_owner(const char *path);

/* Whether one could be made there: *ret_owner is who answers there now, 0 if nobody does. Returns 1 if there is a socket file already, 0 if not, or a
 * negative errno value with a sentence. */
int local_socket_examine(const struct listen_address *address, pid_t *ret_owner, struct error *e);

/* Binds a socket that nobody but its owner may connect to until it is given its mode; a file that nobody answers on is replaced. Returns 0, or a
 * negative errno value with a sentence. */
int local_socket_bind(const struct listen_address *address, int *ret, struct error *e);

struct local_place local_socket_find(const struct listen_address *address);

/* Removes the file if it still is that one. */
void local_socket_remove(const struct listen_address *address, const struct local_place *place);

#endif
