/* One wait for all: libmicrohttpd has an epoll set of its own, which a loop of ours could only wait for inside another one, at the cost of a second system call
 * and a second wake-up in each turn. Here other descriptors join the library's set, and the library's own look at it, by epoll_wait(), becomes the loop's wait.
 *
 * The library calls epoll_wait() by way of the dynamic linker or, linked statically, of the linker, and a program's own definition of a function comes before that of a
 * shared library, so the one in turn.c is what it calls. What is assumed of the library: MHD_run() looks at its set once, or until it has got less than it asked for,
 * and calls no handler before; in its set are its own descriptors, with addresses. turn_join() makes sure of the first. */
#ifndef RESTMARK_MHD_TURN_H
#define RESTMARK_MHD_TURN_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/error.h"

enum { TURN_OWN_MAX = 4095 /* the largest number that an event of ours may have: those of the library are addresses */ };

/* What a turn is to do, and what came of it. */
struct turn {
        int timeout_ms;                /* as epoll_wait() has it */
        struct epoll_event *events;    /* get those of ours; what finds no room comes again, as it has to be level-triggered */
        int events_max;
        void (*woken)(void *context, int n_own); /* after the wait, and before the library serves: of ours so many have come. It must not call the library */
        void *context;
        int n_events; /* result: of ours */
        bool is_idle; /* result: nothing has come for anybody */
        int error;    /* result: an errno value; 0 */
        bool has_waited;
};

/* From now on turns are those of this daemon, whose set is `epoll`; it holds for the process. Returns 0, or a negative errno value with a sentence that says why it
 * cannot be: the loop then has to wait for the set as for any descriptor. The daemon must have no connection yet. */
int turn_join(struct MHD_Daemon *mhd, int epoll, struct error *e);

/* Waits, and lets the library serve what has come for it. */
void turn_run(struct MHD_Daemon *mhd, struct turn *turn);

/* Whether turn_join() can do this with this library and linker. For a process that has not joined. Returns 0, or a negative errno value with a sentence. */
int turn_check(struct error *e);

#endif
