#include "mhd/library.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

static void __attribute__((format(printf, 2, 0))) on_message(void *context, const char *format, va_list arguments) {
        const char *who = context;
        char text[512];

        if (!log_enabled(LOG_DEBUG))
                return;
        (void)vsnprintf(text, sizeof text, format, arguments);
        text[strcspn(text, "\n")] = '\0';
        log_message(LOG_DEBUG, "%slibmicrohttpd: %s", who, text);
}

int library_start(const struct library_parts *parts, struct MHD_Daemon **ret, struct error *e) {
        unsigned int flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG;
        struct MHD_Daemon *mhd;

        if (parts->suspends)
                flags |= MHD_ALLOW_SUSPEND_RESUME;
#if MHD_VERSION >= 0x00097707
        flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
        mhd = MHD_start_daemon(flags, 0, NULL, NULL, parts->on_access, parts->context,
                               /* first, as the others may already complain */
                               MHD_OPTION_EXTERNAL_LOGGER, on_message, (void *)parts->who,
                               MHD_OPTION_CONNECTION_LIMIT, parts->connections_max,
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, parts->connection_memory_bytes,
                               MHD_OPTION_NOTIFY_CONNECTION, parts->on_connection, parts->context,
                               MHD_OPTION_NOTIFY_COMPLETED, parts->on_completed, parts->context,
                               MHD_OPTION_URI_LOG_CALLBACK, parts->on_request_line, parts->context,
                               MHD_OPTION_END);
        if (!mhd)
                return error_set(e, -EIO, "%slibmicrohttpd %s does not start", parts->who, MHD_get_version());
        *ret = mhd;
        return 0;
}

int library_epoll_fd(struct MHD_Daemon *mhd) {
        return MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int library_socket(struct MHD_Connection *mhd) {
        return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

void library_hang_up(int fd) {
        (void)shutdown(fd, SHUT_RDWR);
}

uint64_t library_due_ms(struct MHD_Daemon *mhd, uint64_t now_ms, uint64_t due_ms) {
        MHD_UNSIGNED_LONG_LONG wait_ms;

        if (MHD_get_timeout(mhd, &wait_ms) == MHD_NO || wait_ms >= UINT64_MAX - now_ms || now_ms + wait_ms >= due_ms)
                return due_ms;
        return now_ms + wait_ms;
}
