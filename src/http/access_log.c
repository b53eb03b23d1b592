#include "http/access_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 * ACCESS_LOG_TARGET_MAX + 256 };

void access_log_init(struct access_log *log, int fd) {
        log->fd = fd;
        log->dropped = 0;
        log->error = 0;
        log->lines = buf_over(log->memory, sizeof log->memory);
}

void access_log_escape(struct buf *out, const char *text, size_t shown) {
        for (size_t i = 0; *text; text++, i++) {
                if (i == shown) {
                        buf_append(out, "...", 3);
                        return;
                }
                if (*text >= 0x20 && *text < 0x7f && *text != '"' && *text != '\\')
                        buf_append(out, text, 1);
                else
                        buf_printf(out, "\\x%02x", (unsigned int)(unsigned char)*text);
        }
}

void access_log_add(struct access_log *log, const struct access_log_entry *entry) {
        size_t start;
        char stamp[40];
        time_t now = time(NULL);
        struct tm tm;

        if (buf_room(&log->lines) < LINE_MAX_BYTES)
                access_log_flush(log);
        start = log->lines.length;
        (void)strftime(stamp, sizeof stamp, "%d/%b/%Y:%H:%M:%S %z", localtime_r(&now, &tm));
        buf_printf(&log->lines, "%s - - [%s] \"", entry->address, stamp);
        access_log_escape(&log->lines, entry->method, ACCESS_LOG_TARGET_MAX);
        buf_append(&log->lines, " ", 1);
        access_log_escape(&log->lines, entry->target, ACCESS_LOG_TARGET_MAX);
        buf_printf(&log->lines, "\" %u %llu %lluus w%u\n", entry->status, (unsigned long long)entry->body_bytes,
                   (unsigned long long)entry->duration_us, entry->worker);
        if (log->lines.overflow) { /* whole lines or none */
                log->lines.length = start;
                log->lines.overflow = false;
                log->dropped++;
        }
}

void access_log_flush(struct access_log *log) {
        ssize_t n;

        if (log->lines.length == 0)
                return;
        do
                n = write(log->fd, log->lines.data, log->lines.length);
        while (n < 0 && errno == EINTR);
        if (n < 0 || (size_t)n < log->lines.length) {
                log->error = n < 0 ? errno : ENOSPC;
                for (size_t i = n < 0 ? 0 : (size_t)n; i < log->lines.length; i++)
                        log->dropped += log->lines.data[i] == '\n';
        }
        log->lines.length = 0;
}

void access_log_format_address(const struct sockaddr *address, char *text) {
        const void *bytes = address->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
                                                           : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;

        if (!inet_ntop(address->sa_family, bytes, text, ACCESS_LOG_ADDRESS_MAX))
                (void)snprintf(text, ACCESS_LOG_ADDRESS_MAX, "-");
}
