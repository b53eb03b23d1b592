/* libmicrohttpd as this program drives it: from an event loop of ours, with sockets that we have accepted. */
#ifndef RESTMARK_MHD_LIBRARY_H
#define RESTMARK_MHD_LIBRARY_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct library_parts {
        const char *who; /* what its messages begin with ("": nothing); borrowed */
        unsigned int connections_max;
        size_t connection_memory_bytes;
        bool suspends; /* MHD_suspend_connection() may be called; costs each request and each turn a little */
        MHD_AccessHandlerCallback on_access;
        MHD_NotifyConnectionCallback on_connection;
        MHD_RequestCompletedCallback on_completed; /* NULL: nobody wants to know */
        void *(*on_request_line)(void *context, const char *target, struct MHD_Connection *mhd);
        void *context; /* of all of them */
};

/* Begins. What the library has to say is logged at debug level. Returns 0 or a negative errno value with a sentence. */
int library_start(const struct library_parts *parts, struct MHD_Daemon **ret, struct error *e);

/* The descriptor that becomes readable when MHD_run() has work. */
int library_epoll_fd(struct MHD_Daemon *mhd);

/* The connection's socket, which is the library's. */
int library_socket(struct MHD_Connection *mhd);

/* Ends the stream of a connection's socket in both directions: the library sees the end and cleans up. It offers no way to ask for that. */
void library_hang_up(int fd);

/* The earlier of `due_ms` and of when the library wants to run though nothing has come: what it has read but not yet handled raises no
 * event. CLOCK_MONOTONIC; UINT64_MAX: never. */
uint64_t library_due_ms(struct MHD_Daemon *mhd, uint64_t now_ms, uint64_t due_ms);

#endif
