/* `restmarkctl drain SLOT`: the slot's worker is replaced by a new one of the same generation, without a gap, and finishes what it has. For a
 * worker that looks wrong to somebody. (To have fewer workers is what `scale` is for.) */
#ifndef RESTMARK_MASTER_DRAIN_H
#define RESTMARK_MASTER_DRAIN_H

#include <stdint.h>

#include "base/error.h"

struct drain;
struct supervisor;

/* After the supervisor's event loop. */
int drain_new(struct supervisor *s, struct drain **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct drain *drain_free(struct drain *drain);

/* Asks for it. Returns 0, with the ticket of CONTROL_TOPIC_DRAIN to *ret, or negative with a sentence: there is no such slot, or its worker is
 * being replaced already. The ticket's clients hear when the old worker is gone. */
int drain_request(struct drain *d, unsigned int slot, uint64_t *ret, struct error *e);

/* The daemon has stopped: who waits is told so. */
void drain_abandon(struct drain *d);

/* To be called when a child's state has changed. */
void drain_update(struct drain *d);

#endif
