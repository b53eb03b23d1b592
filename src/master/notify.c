#include "master/notify.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"

static void complain(int r) {
        if (r < 0)
                log_message(LOG_WARNING, "cannot notify systemd: %s", strerror(-r));
}

bool notify_is_heard(void) {
        const char *socket = getenv("NOTIFY_SOCKET");

        return socket && *socket;
}

void notify_ready(const char *status) {
        complain(sd_notifyf(0, "READY=1\nSTATUS=%s", status));
}

void notify_status(const char *status) {
        complain(sd_notifyf(0, "STATUS=%s", status));
}

void notify_reloading(void) {
        /* One datagram: systemd wants the time with the state. */
        complain(sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reloading", (unsigned long long)clock_monotonic_ns() / 1000));
}

void notify_stopping(void) {
        complain(sd_notify(0, "STOPPING=1\nSTATUS=Stopping: answering what has been accepted"));
}

uint64_t notify_watchdog_ms(void) {
        uint64_t usec = 0;
        int r = sd_watchdog_enabled(0, &usec);

        if (r < 0)
                log_message(LOG_WARNING, "systemd's watchdog is not fed, as WATCHDOG_USEC is not right: %s", strerror(-r));
        return r > 0 ? usec / 1000 : 0;
}

void notify_watchdog(void) {
        complain(sd_notify(0, "WATCHDOG=1"));
}

void notify_forget(void) {
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("WATCHDOG_PID");
        (void)unsetenv("WATCHDOG_USEC");
}
