#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

enum { MESSAGE_MAX = 2048, FIELDS_MAX = 12, FIELD_TEXT_MAX = 96 };

static bool is_open, to_journal;
static unsigned int lost; /* messages that could not be written */
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

/* A reader that has stopped must not stop this process. Returns as write() does. */
static ssize_t write_without_waiting(char *data, size_t n) {
        struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
        struct iovec iov = { data, n };
        ssize_t r = send(STDERR_FILENO, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (r >= 0 || (errno != ENOTSOCK && errno != ENOSYS && errno != EPERM && errno != EACCES)) /* the latter: a filter of system calls */
                return r;
        if (lseek(STDERR_FILENO, 0, SEEK_CUR) >= 0 || errno != ESPIPE) /* a file, which may have to read a block first, but not for long */
                return write(STDERR_FILENO, data, n);
        r = pwritev2(STDERR_FILENO, &iov, 1, -1, RWF_NOWAIT);
        if (r >= 0 || errno == EAGAIN)
                return r;
        /* A terminal, or a kernel that cannot do this for pipes: of several processes that find room at once one may still wait. */
        if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0)
                return write(STDERR_FILENO, data, n);
        errno = EAGAIN;
        return -1;
}

/* One write for a line, so that those of several processes do not mix: a pipe takes PIPE_BUF bytes as a whole, which is more. */
static bool write_stderr(int level, const char *text) {
        static bool is_torn; /* the line before has no end */
        char line[MESSAGE_MAX + 128], stamp[32], *from = is_torn ? line : line + 1;
        time_t now = time(NULL);
        struct tm tm;
        size_t length;
        ssize_t written;
        int n;

        line[0] = '\n';
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
        if (!is_open)
                n = snprintf(line + 1, sizeof line - 1, "restmarkd: %s: %s\n", level_name(level), text);
        else
                n = snprintf(line + 1, sizeof line - 1, "%s restmarkd[%d] %s: %s\n", stamp, (int)getpid(), level_name(level), text);
        if (n < 0)
                return false;
        if ((size_t)n >= sizeof line - 1) {
                n = sizeof line - 2;
                line[n] = '\n';
        }
        length = (size_t)(line + 1 + n - from);
        written = write_without_waiting(from, length);
        if (written > 0)
                is_torn = (size_t)written < length;
        return written == (ssize_t)length;
}

/* The native protocol, see https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. Not by sd_journal_sendv(): it waits for a journald that does not read,
 * and has a descriptor of its own, whose number is another's after a fork that closes what it does not know. Returns 0 or a negative
 * errno value. */
static int write_journal(int level, const struct log_field *fields, size_t n, const char *text) {
        static const struct sockaddr_un journal = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
        char memory[MESSAGE_MAX + FIELDS_MAX * FIELD_TEXT_MAX + 128];
        struct buf entry = buf_over(memory, sizeof memory);
        int fd, r;

        buf_printf(&entry, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=restmarkd\n", text, level & LOG_PRIMASK);
        for (size_t i = 0; i < n; i++)
                if (strchr(fields[i].name, '='))
                        buf_printf(&entry, "%s\n", fields[i].name);
                else
                        buf_printf(&entry, "%s=%lld\n", fields[i].name, fields[i].value);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = sendto(fd, entry.data, entry.length, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&journal, sizeof journal) < 0 ? -errno : 0;
        (void)fd_close(fd);
        return r;
}

/* Whether it is out. */
static bool emit(int level, const struct log_field *fields, size_t n, const char *text) {
        int r = (is_open ? to_journal : stderr_is_journal()) ? write_journal(level, fields, n, text) : -ENOENT;

        return r == 0 || (r != -EAGAIN && r != -ENOBUFS && write_stderr(level, text));
}

static void __attribute__((format(printf, 4, 0)))
log_valist(int level, const struct log_field *fields, size_t n, const char *format, va_list arguments) {
        char text[MESSAGE_MAX];

        (void)vsnprintf(text, sizeof text, format, arguments);
        for (char *c = text; *c; c++) /* one message stays one line, whatever it quotes */
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        *c = '?';
        if (lost > 0) {
                char about[80];

                (void)snprintf(about, sizeof about, "%u messages before this one could not be written", lost);
                if (emit(LOG_WARNING, NULL, 0, about))
                        lost = 0;
        }
        lost += !emit(level, fields, n, text);
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
