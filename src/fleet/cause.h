/* The names of what a worker's end is put down to: those of the display. */
#ifndef RESTMARK_FLEET_CAUSE_H
#define RESTMARK_FLEET_CAUSE_H

#include <restmark/scoreboard.h>

const char *cause_name(enum restmark_cause cause);

#endif
