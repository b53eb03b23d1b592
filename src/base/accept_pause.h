/* A pause in accepting, in an event loop: see shortage.h. */
#ifndef RESTMARK_BASE_ACCEPT_PAUSE_H
#define RESTMARK_BASE_ACCEPT_PAUSE_H

#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/shortage.h"

struct accept_pause {
        sd_event_source *const *listeners; /* of the owner; those that are NULL are passed over */
        size_t n;
        const char *where; /* for the message */
        sd_event_source *timer;
        struct shortage shortage;
};

/* Before anything fails, as a timer may take a descriptor. `listeners` and `where` are borrowed. Returns 0 or a negative errno value. */
int accept_pause_init(struct accept_pause *pause, sd_event *event, sd_event_source *const *listeners, size_t n, const char *where);

/* accept() has failed with `errnum` (a positive errno value). If that lasts, the listeners are not looked at for SHORTAGE_PAUSE_MS. */
void accept_pause_on_error(struct accept_pause *pause, int errnum);

void accept_pause_deinit(struct accept_pause *pause);

#endif
