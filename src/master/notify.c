#include "master/notify.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"

static void complain(int r) {
        if (r < 0)
                log_message(LOG_WARNING, "cannot notify systemd: %s", strerror(-r));
}

void notify_ready(unsigned int n_workers) {
        complain(sd_notifyf(0, "READY=1\nSTATUS=%u of %u workers ready", n_workers, n_workers));
}

void notify_status(unsigned int n_ready, unsigned int n_workers) {
        complain(sd_notifyf(0, "STATUS=%u of %u workers ready", n_ready, n_workers));
}

void notify_stopping(void) {
        complain(sd_notify(0, "STOPPING=1\nSTATUS=Stopping: answering what has been accepted"));
}

void notify_forget(void) {
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("WATCHDOG_PID");
        (void)unsetenv("WATCHDOG_USEC");
}
