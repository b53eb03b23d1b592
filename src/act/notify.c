#include "act/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "act/outbox.h"
#include "base/clock.h"
#include "base/log.h"

static void __attribute__((format(printf, 2, 3))) tell(bool matters, const char *format, ...) {
        char text[OUTBOX_TEXT_MAX];
        va_list arguments;
        int r;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        r = outbox_send(text, -1, matters);
        if (r < 0 && r != -EAGAIN) /* which the outbox has said */
                log_message(LOG_WARNING, "cannot notify systemd: %s", strerror(-r));
}

bool notify_is_heard(void) {
        const char *socket = getenv("NOTIFY_SOCKET");

        return socket && *socket;
}

void notify_ready(const char *status) {
        tell(true, "READY=1\nSTATUS=%s", status);
}

void notify_status(const char *status) {
        tell(false, "STATUS=%s", status);
}

void notify_reloading(void) {
        /* One datagram: systemd wants the time with the state. */
        tell(true, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reloading", (unsigned long long)clock_monotonic_ns() / 1000);
}

void notify_stopping(void) {
        tell(true, "STOPPING=1\nSTATUS=Stopping: answering what has been accepted");
}

uint64_t notify_watchdog_ms(void) {
        uint64_t usec = 0;
        int r = sd_watchdog_enabled(0, &usec);

        if (r < 0)
                log_message(LOG_WARNING, "systemd's watchdog is not fed, as WATCHDOG_USEC is not right: %s", strerror(-r));
        return r > 0 ? usec / 1000 : 0;
}

void notify_watchdog(void) {
        tell(false, "WATCHDOG=1"); /* the next one follows */
}

void notify_forget(void) {
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("WATCHDOG_PID");
        (void)unsetenv("WATCHDOG_USEC");
}
