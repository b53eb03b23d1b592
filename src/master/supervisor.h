/* The master's event loop: what has happened goes to the plans, and what they want is performed. */
#ifndef RESTMARK_MASTER_SUPERVISOR_H
#define RESTMARK_MASTER_SUPERVISOR_H

#include "act/act.h"
#include "admin/admin.h"

/* Runs the daemon until it is told to stop. Returns its exit code (0, or of sysexits.h); errors are logged. */
int supervisor_run(const struct supervisor_options *options);

#endif
