/* The fork of a worker. */
#ifndef RESTMARK_ACT_FORK_H
#define RESTMARK_ACT_FORK_H

#include <sys/types.h>

/* As fork(), which sets errno, but without what libraries have asked to be done in a child. */
pid_t fork_worker(void);

#endif
