/* What the master tells systemd. Without NOTIFY_SOCKET nothing happens. */
#ifndef RESTMARK_MASTER_NOTIFY_H
#define RESTMARK_MASTER_NOTIFY_H

#include <stdint.h>

/* All workers are ready. */
void notify_ready(unsigned int n_workers);

/* A line for `systemctl status`. */
void notify_status(unsigned int n_ready, unsigned int n_workers, unsigned int generation);

/* The begin and the end, however it ended, of a reload. */
void notify_reloading(void);
void notify_reloaded(void);

void notify_stopping(void);

/* How often systemd wants to hear that all is well, as it watches over this process; 0: it does not. */
uint64_t notify_watchdog_ms(void);

/* All is well. */
void notify_watchdog(void);

/* In a worker: it must not speak for the service. */
void notify_forget(void);

#endif
