/* Who listens on a TCP port already, as far as /proc tells. */
#ifndef RESTMARK_ACT_HOLDER_H
#define RESTMARK_ACT_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config/listen.h"

struct holder {
        bool in_use;    /* some socket listens on this address and port, or on all addresses of this port */
        bool certain;   /* false: an IPv6 socket that may not take IPv4 connections, and then is not in the way */
        pid_t pid;      /* of a process that has it; 0: not to be seen (another user's, or another container's) */
        char name[32];  /* of that process */
};

/* Without binding anything. Port 0 is never in use. */
struct holder holder_find(const struct listen_address *address);

/* "nginx (pid 123)", or a sentence of why it is not known, into `text` of `size` bytes; returns `text`. */
const char *holder_format(const struct holder *holder, char *text, size_t size);

#endif
