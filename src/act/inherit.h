/* Listening sockets that this process was started with: those of a systemd socket unit ("given"), or the daemon's own that systemd has
 * kept over a crash ("stored", see store.h). */
#ifndef RESTMARK_ACT_INHERIT_H
#define RESTMARK_ACT_INHERIT_H

#include <stdbool.h>

#include "act/listener.h"
#include "base/error.h"
#include "config/listen.h"

/* The listening sockets of a start, as listeners_open(): given ones if there are any or if `addresses` asks for them, else those that were
 * stored as far as they fit, else new ones. Takes $LISTEN_FDS and what belongs to it out of the environment, and all that these name:
 * what is not used is closed, with a message. */
int inherit_listeners(const struct listen_list *addresses, bool shared, unsigned int n_slots, int backlog, struct listeners **ret,
                      struct error *e);

#endif
