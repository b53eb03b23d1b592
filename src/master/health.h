/* Watches over the workers, at least once a second: who responds and who tells the truth, harakiri, recycling, the watchdog of systemd. */
#ifndef RESTMARK_MASTER_HEALTH_H
#define RESTMARK_MASTER_HEALTH_H

#include "base/error.h"

struct child;
struct health;
struct supervisor;

enum {
        HEALTH_TRACE_MS = 200,    /* how long a worker that is to be killed has to show its stack */
        HEALTH_TRACE_LOOK_MS = 10, /* how often that is looked for */
        HEALTH_DEAF_MS = 1000,     /* how long a worker that has closed its link has to be dead */
};

/* Begins to watch, in the supervisor's loop, by its generation's configuration. */
int health_new(struct supervisor *s, struct health **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct health *health_free(struct health *health);

/* Ends a worker that does what none does; `why` is put behind "it ". It is restarted like one that has crashed. */
void health_condemn(struct child *child, const char *why);

/* The current generation has changed: its configuration holds from now on. */
void health_configure(struct health *health);

#endif
