/* The line that `systemctl status` shows: how many workers are ready, which generation serves, how many requests a second. */
#ifndef RESTMARK_MASTER_BULLETIN_H
#define RESTMARK_MASTER_BULLETIN_H

#include "base/error.h"

enum { BULLETIN_TEXT_MAX = 128, BULLETIN_PERIOD_MS = 5000 };

struct bulletin;
struct supervisor;

/* Without $NOTIFY_SOCKET it does nothing, and does not wake the master. */
int bulletin_new(struct supervisor *s, struct bulletin **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct bulletin *bulletin_free(struct bulletin *bulletin);

/* To be called when a state has changed: says so if the line has. */
void bulletin_update(struct bulletin *bulletin);

/* The start or a reload has ended. */
void bulletin_ready(struct bulletin *bulletin);

#endif
