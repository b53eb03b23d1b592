/* What a worker does between fork and service: it becomes a process of its own kind. */
#ifndef RESTMARK_WORKER_SETTLE_H
#define RESTMARK_WORKER_SETTLE_H

#include <stdbool.h>

#include "base/error.h"
#include "shared/heritage.h"

/* Closes what is not inherited on purpose, gives up privileges, ties the worker's life to the master's, and sets up signals: those that
 * the master acts on are ignored, as they may reach the whole process group (from a terminal, timeout(1), systemctl kill), and the
 * master alone knows what they mean for a worker. Returns 0, or a negative errno value with a sentence; *ret_fatal then says
 * whether another worker would fail in the same way. */
int settle(const struct heritage *heritage, bool *ret_fatal, struct error *e);

#endif
