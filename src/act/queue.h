/* What waits in the listening sockets, sampled into the scoreboard when somebody wants to know it. */
#ifndef RESTMARK_ACT_QUEUE_H
#define RESTMARK_ACT_QUEUE_H

#include <restmark/scoreboard.h>

#include "act/listener.h"

/* Asks the kernel about every listening socket: two quick calls each. One that all slots share is slot 0's. */
void queue_refresh(struct restmark_scoreboard *board, const struct listeners *listeners);

#endif
