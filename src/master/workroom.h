/* Whether this machine has the memory for more workers. */
#ifndef RESTMARK_MASTER_WORKROOM_H
#define RESTMARK_MASTER_WORKROOM_H

#include "base/error.h"

struct supervisor;

/* Compares what is available, on the machine and in the control group, with what the workers that there are have for themselves. Returns
 * 0, or -ENOMEM with a sentence. What cannot be read is no reason against it. */
int workroom_check(struct supervisor *s, unsigned int n_more, struct error *e);

#endif
