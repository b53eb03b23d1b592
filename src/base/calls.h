/* System calls that a filter (seccomp) may refuse, or an old kernel may lack. */
#ifndef RESTMARK_BASE_CALLS_H
#define RESTMARK_BASE_CALLS_H

#include "base/error.h"

/* Whether the kernel takes all the system calls that restmarkd cannot do without: one that it finds out about only when a client comes, or a worker has
 * died, would be no help. Nothing is done by it. Returns 0, or a negative errno value with a sentence that names the call. */
int calls_check(struct error *e);

#endif
