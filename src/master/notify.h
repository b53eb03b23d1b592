/* What the master tells systemd. Without NOTIFY_SOCKET nothing happens. */
#ifndef RESTMARK_MASTER_NOTIFY_H
#define RESTMARK_MASTER_NOTIFY_H

/* All workers are ready. */
void notify_ready(unsigned int n_workers);

/* A line for `systemctl status`. */
void notify_status(unsigned int n_ready, unsigned int n_workers, unsigned int generation);

/* The begin and the end, however it ended, of a reload. */
void notify_reloading(void);
void notify_reloaded(void);

void notify_stopping(void);

/* In a worker: it must not speak for the service. */
void notify_forget(void);

#endif
