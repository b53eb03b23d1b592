/* A worker process: entered right after fork, serves until it is told to stop. */
#ifndef RESTMARK_WORKER_WORKER_H
#define RESTMARK_WORKER_WORKER_H

#include "shared/heritage.h"

/* Runs the worker in the calling process and returns its exit code. Signals must be blocked when it is entered. */
int worker_main(const struct heritage *heritage);

#endif
