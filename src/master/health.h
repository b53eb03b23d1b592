/* Watches over the workers: harakiri, recycling, and the watchdog of systemd. Without any of these it never wakes the master up. */
#ifndef RESTMARK_MASTER_HEALTH_H
#define RESTMARK_MASTER_HEALTH_H

#include "base/error.h"

struct child;
struct health;
struct supervisor;

enum {
        HEALTH_TRACE_MS = 200,    /* how long a worker that is to be killed has to show its stack */
        HEALTH_TRACE_LOOK_MS = 10, /* how often that is looked for */
};

/* Begins to watch, in the supervisor's loop, by its generation's configuration. */
int health_new(struct supervisor *s, struct health **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct health *health_free(struct health *health);

/* The current generation has changed: its configuration holds from now on. */
void health_configure(struct health *health);

#endif
