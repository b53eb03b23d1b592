/* systemd's file descriptor store: it keeps the listening sockets while there is no master, so that connections in their queues outlive a
 * crash of it. A socket that is kept there goes on to exist, with its place in its group, after the master has closed it. */
#ifndef RESTMARK_ACT_STORE_H
#define RESTMARK_ACT_STORE_H

#include <stdbool.h>

/* Whether there is one: $NOTIFY_SOCKET and $FDSTORE, the number of descriptors that it has room for, say so. systemd sets that from version 254
 * on; for older ones a unit has to. */
bool store_exists(void);

/* Keeps a copy of the socket `fd`, under a name that says whose it is. */
void store_put(unsigned int slot, unsigned int address, int fd);

/* Gives up the copy, if there is one. */
void store_remove(unsigned int slot, unsigned int address);

/* Waits, for a second at most, until systemd has done all that. For a start: while clients are served nothing waits. */
void store_settle(void);

/* Calls `settled` when systemd has done all that, from the loop that the outbox has; of several calls the last one counts. Returns false if
 * it cannot be asked: then it is not waited for. */
typedef void (*store_settled)(void *context);
bool store_when_settled(store_settled settled, void *context);

/* Whoever waits is no more. */
void store_forget_settled(void);

/* Whether `name`, which came with a descriptor, is one of ours, and whose. */
bool store_parse_name(const char *name, unsigned int *ret_slot, unsigned int *ret_address);

#endif
