/* What a worker does between fork and service: it becomes a process of its own kind. */
#ifndef RESTMARK_WORKER_SETTLE_H
#define RESTMARK_WORKER_SETTLE_H

#include "base/error.h"
#include "shared/heritage.h"

/* Closes what is not inherited on purpose, gives up privileges, ties the worker's life to the master's, and sets up signals: TERM and
 * QUIT arrive through the returned signalfd, a terminal's INT and HUP and the master's other signals are ignored.
 * Returns the signalfd, or a negative errno value with a sentence. */
int settle(const struct heritage *heritage, struct error *e);

#endif
