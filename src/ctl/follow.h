/* `restmarkctl events -f`. */
#ifndef RESTMARK_CTL_FOLLOW_H
#define RESTMARK_CTL_FOLLOW_H

#include "ctl/options.h"

/* Prints the events that are kept, and then each one as it comes, until it is interrupted or the daemon is gone. Returns the exit code; what
 * went wrong is printed. */
int follow_run(const char *socket, const struct options *options);

#endif
