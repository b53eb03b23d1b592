/* --every: a line to standard output for each interval of a run, so that a program which reads it can look at the server at the same time. */
#ifndef RESTMARK_LOAD_VIEW_EVERY_H
#define RESTMARK_LOAD_VIEW_EVERY_H

#include "engine/run.h"

/* For load_run(): a watcher that prints "so-far MICROSECONDS ANSWERED FAILED", counted from the start. `ret` is memory for it. */
const struct load_watcher *every_watcher(uint64_t interval_ns, struct load_watcher *ret);

#endif
