/* In the program of a --self-test: a worker of this generation has to answer every route through a connection of its own. */
#ifndef RESTMARK_ACT_REHEARSAL_H
#define RESTMARK_ACT_REHEARSAL_H

#include "act/generation.h"
#include "base/error.h"

/* Forks the worker, asks, and waits for its end. Returns 0 or a negative errno value with a sentence. */
int rehearse(const struct generation *generation, int (*worker_main)(const struct heritage *heritage), struct error *e);

#endif
