/* The datagrams to $NOTIFY_SOCKET. sd_notify() waits for a receiver that does not read, for ever if need be; here nothing waits: what matters is
 * kept and sent again by the event loop, in order, and the rest is dropped, as newer news will follow. One for the process. */
#ifndef RESTMARK_ACT_OUTBOX_H
#define RESTMARK_ACT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/error.h"

enum {
        OUTBOX_RETRY_MS = 250,
        OUTBOX_KEPT_MAX = 8192, /* messages, twice those about all listening sockets that there can be; the oldest ones go first */
        OUTBOX_TEXT_MAX = 512,
};

/* From now on `event` sends what is kept; before, it waits for that. */
int outbox_attach(sd_event *event, struct error *e);

/* Sends what can be sent and forgets the rest. */
void outbox_detach(void);

/* Sends `text` with a copy of `fd`, if that is not negative. `keep`: it matters. Returns 0, also if it is kept and when nobody listens;
 * -EAGAIN if it is dropped; else a negative errno value. */
int outbox_send(const char *text, int fd, bool keep);

/* Forgets messages that are kept and have not been sent, of exactly this text. */
void outbox_cancel(const char *text);

/* How many are kept. */
size_t outbox_waiting(void);

/* The loop that it is attached to; NULL: none. */
sd_event *outbox_event(void);

#endif
