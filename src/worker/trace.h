/* A worker that is about to be killed shows where it is: the master asks by a signal, and the handler puts the return addresses into the
 * worker's cell of the scoreboard, where it takes nothing but stores. The master names them (act/stack.h). */
#ifndef RESTMARK_WORKER_TRACE_H
#define RESTMARK_WORKER_TRACE_H

#include <restmark/scoreboard.h>
#include <sys/types.h>

#include "base/error.h"

/* In the master, before it forks a worker that is to show its stack: the first backtrace() loads a library, which no signal handler may. */
void trace_prime(void);

/* In the worker: answers HERITAGE_TRACE_SIGNAL from `master`, and from nobody else. */
int trace_install(struct restmark_worker_cell *cell, pid_t master, struct error *e);

#endif
