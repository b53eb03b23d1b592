#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The fields carry what matters; the source position of log.c itself would only mislead. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

enum { MESSAGE_MAX = 2048, FIELDS_MAX = 12, FIELD_TEXT_MAX = 96 };

static bool is_open, to_journal;
static unsigned int lost; /* messages that stderr did not take */
static int shown = LOG_INFO;

static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM"); /* "device:inode", see systemd.exec(5) */
        unsigned long long device, inode;
        struct stat st;

        if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
                return false;
        return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(enum log_target target, int max_level) {
        to_journal = target == LOG_TARGET_JOURNAL || (target == LOG_TARGET_AUTO && stderr_is_journal());
        shown = max_level;
        is_open = true;
}

int log_enabled(int level) {
        return level <= shown;
}

static const char *level_name(int level) {
        static const char *const names[] = {
                [LOG_EMERG] = "emergency", [LOG_ALERT] = "alert",   [LOG_CRIT] = "critical", [LOG_ERR] = "error",
                [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice", [LOG_INFO] = "info",     [LOG_DEBUG] = "debug",
        };

        return names[level & LOG_PRIMASK];
}

static void write_stderr(int level, const char *text) {
        char line[MESSAGE_MAX + 128], stamp[32];
        struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
        time_t now = time(NULL);
        struct tm tm;
        int n;

        if (lost > 0 && poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0) {
                n = snprintf(line, sizeof line, "restmarkd[%d] warning: %u messages before this one could not be written\n",
                             (int)getpid(), lost);
                if (n > 0 && write(STDERR_FILENO, line, (size_t)n) == n)
                        lost = 0;
        }

        (void)strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
        if (!is_open)
                n = snprintf(line, sizeof line, "restmarkd: %s: %s\n", level_name(level), text);
        else
                n = snprintf(line, sizeof line, "%s restmarkd[%d] %s: %s\n", stamp, (int)getpid(), level_name(level), text);
        if (n < 0)
                return;
        if ((size_t)n >= sizeof line) {
                n = sizeof line - 1;
                line[n - 1] = '\n';
        }
        /* A pipe whose reader has stopped must not stop this process. Writable means room for PIPE_BUF bytes, which is more than a
         * line; and one write for a line, so that those of several processes do not mix. */
        if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0 || write(STDERR_FILENO, line, (size_t)n) < 0)
                lost++;
}

static bool write_journal(int level, const struct log_field *fields, size_t n, const char *text) {
        char message[MESSAGE_MAX + sizeof "MESSAGE="], priority[sizeof "PRIORITY=7"], extra[FIELDS_MAX][FIELD_TEXT_MAX];
        struct iovec iov[FIELDS_MAX + 3];
        size_t n_iov = 0;

        (void)snprintf(message, sizeof message, "MESSAGE=%s", text);
        (void)snprintf(priority, sizeof priority, "PRIORITY=%d", level & LOG_PRIMASK);
        iov[n_iov++] = (struct iovec){ message, strlen(message) };
        iov[n_iov++] = (struct iovec){ priority, strlen(priority) };
        iov[n_iov++] = (struct iovec){ (char *)"SYSLOG_IDENTIFIER=restmarkd", strlen("SYSLOG_IDENTIFIER=restmarkd") };
        for (size_t i = 0; i < n && i < FIELDS_MAX; i++) {
                if (strchr(fields[i].name, '='))
                        (void)snprintf(extra[i], sizeof extra[i], "%s", fields[i].name);
                else
                        (void)snprintf(extra[i], sizeof extra[i], "%s=%lld", fields[i].name, fields[i].value);
                iov[n_iov++] = (struct iovec){ extra[i], strlen(extra[i]) };
        }
        return sd_journal_sendv(iov, (int)n_iov) >= 0;
}

static void __attribute__((format(printf, 4, 0)))
log_valist(int level, const struct log_field *fields, size_t n, const char *format, va_list arguments) {
        char text[MESSAGE_MAX];

        (void)vsnprintf(text, sizeof text, format, arguments);
        for (char *c = text; *c; c++) /* one message stays one line, whatever it quotes */
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        *c = '?';
        if (!(is_open ? to_journal : stderr_is_journal()) || !write_journal(level, fields, n, text))
                write_stderr(level, text);
}

void log_message(int level, const char *format, ...) {
        va_list arguments;

        if (!log_enabled(level))
                return;
        va_start(arguments, format);
        log_valist(level, NULL, 0, format, arguments);
        va_end(arguments);
}

void log_fields(int level, const struct log_field *fields, size_t n, const char *format, ...) {
        va_list arguments;

        if (!log_enabled(level))
                return;
        va_start(arguments, format);
        log_valist(level, fields, n, format, arguments);
        va_end(arguments);
}
