/* `restmarkctl top`: on a terminal, or as plain text or JSON. */
#ifndef RESTMARK_CTL_TOP_H
#define RESTMARK_CTL_TOP_H

#include "ctl/options.h"

/* Returns the exit code; what went wrong is printed. */
int top_run(const char *socket, const struct options *options);

#endif
