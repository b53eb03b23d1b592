/* What the master tells systemd. Without NOTIFY_SOCKET nothing happens. Nothing here waits: see outbox.h. */
#ifndef RESTMARK_ACT_NOTIFY_H
#define RESTMARK_ACT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether anybody listens. */
bool notify_is_heard(void);

/* The start, or a reload, has ended; `status` is a line for `systemctl status`. */
void notify_ready(const char *status);

/* Another line. */
void notify_status(const char *status);

void notify_reloading(void);

void notify_stopping(void);

/* How often systemd wants to hear that all is well, as it watches over this process; 0: it does not. */
uint64_t notify_watchdog_ms(void);

/* All is well. */
void notify_watchdog(void);

/* In a worker: it must not speak for the service. */
void notify_forget(void);

#endif
