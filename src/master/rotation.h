/* Which slots get new connections: those that have a ready worker. As long as none has, all of them, whose queues then wait for one. */
#ifndef RESTMARK_MASTER_ROTATION_H
#define RESTMARK_MASTER_ROTATION_H

#include <stdbool.h>

#include "base/error.h"

struct rotation;
struct supervisor;

int rotation_new(struct supervisor *s, struct rotation **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct rotation *rotation_free(struct rotation *rotation);

/* Brings the kernel's choice in line with the slots' states; to be called when one of them, or their number, has changed. */
void rotation_update(struct rotation *rotation);

/* Whether a worker of the slot is ready for clients. */
bool rotation_is_live(const struct supervisor *s, unsigned int slot);

#endif
