/* What has happened and has not been acted upon yet: the one queue of the master. Whoever changes a worker's state puts that here instead of calling
 * whom it concerns, so that nothing is called again before it has returned. */
#ifndef RESTMARK_MASTER_HAPPENINGS_H
#define RESTMARK_MASTER_HAPPENINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "fleet/slot.h"

struct child;

enum happening_kind {
        HAPPENING_CHANGED,     /* `child` has another state */
        HAPPENING_FORK_FAILED, /* of `child` */
        HAPPENING_REPORT,      /* anything else that others look at has changed */
        HAPPENING_RELOAD,      /* one is due */
        HAPPENING_UPGRADE,     /* one is due */
        HAPPENING_STOP,        /* by `event` */
};

struct happening {
        enum happening_kind kind;
        struct child *child;
        enum slot_event event;
};

struct happenings {
        struct happening *list;
        size_t first, n, capacity;
};

/* Puts one behind all others. The process ends when there is no memory to remember it. */
void happenings_push(struct happenings *happenings, struct happening happening);

/* Takes the oldest. Returns false when there is none. */
bool happenings_pop(struct happenings *happenings, struct happening *ret);

void happenings_free(struct happenings *happenings);

#endif
