/* --hold: the load waits for the one who called, who reads the server's counters meanwhile. */
#ifndef RESTMARK_LOAD_VIEW_HOLD_H
#define RESTMARK_LOAD_VIEW_HOLD_H

#include "engine/run.h"

/* For load_run(): prints the line "ready", and begins when a line has come in on standard input, or at the instant that
 * it names. Its end is -EINTR. */
extern const struct load_gate hold_gate;

#endif
