/* Everything that a fork passes on to a worker. What is not in here, a worker does not have: it closes every other descriptor.
 * (It lies in the shared room, as the master fills it and the worker reads it, and the two do not know each other.) */
#ifndef RESTMARK_SHARED_HERITAGE_H
#define RESTMARK_SHARED_HERITAGE_H

#include <restmark/scoreboard.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct dataset;
struct server_limits;
struct stores_options;

enum {
        HERITAGE_GROUPS_MAX = 64,
        /* Exit codes of a worker that mean the same as the daemon's (sysexits.h): starting another would not help. */
        HERITAGE_EXIT_FATAL_DATA = 65,
        HERITAGE_EXIT_FATAL_CONFIG = 78,
        /* … and one that may go away by itself. */
        HERITAGE_EXIT_SYSTEM = 71,
};

/* From the master to a worker that is stuck. A real-time signal, which means nothing to anybody else. */
#define HERITAGE_TRACE_SIGNAL (SIGRTMIN + 1)

/* Who the workers run as. */
struct account {
        bool change; /* false: as the master does; the rest is then not set */
        uid_t uid;
        gid_t gid;
        size_t n_groups;
        gid_t groups[HERITAGE_GROUPS_MAX];
};

struct heritage {
        /* The same for all workers: */
        const struct dataset *dataset;
        int codec; /* enum codec */
        const struct server_limits *limits;
        const struct stores_options *stores; /* servers to ask */
        const struct account *account;
        int access_log_fd; /* -1: none */
        bool traces;       /* shows its stack when asked by HERITAGE_TRACE_SIGNAL */
        pid_t master_pid;
        /* This worker's own: */
        unsigned int slot;
        struct restmark_worker_cell *cell;
        const int *listeners; /* non-blocking listening sockets */
        size_t n_listeners;
        size_t n_rpc_listeners; /* the last so many of them are for calls */
        bool shared_listeners; /* other workers take connections from these too */
        int cpu;               /* to be pinned to; -1: none */
        int link;               /* see shared/link.h */
        int private_connection; /* on probation: serve this socket alone, until LINK_ACCEPT; else -1 */
};

#endif
