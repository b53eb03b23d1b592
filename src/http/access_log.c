#include "http/access_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4 * ACCESS_LOG_TARGET_MAX + 256 };

void access_log_init(struct access_log *log, int fd) {
        log->dropped = 0;
        log->error = 0;
        log->n_torn = 0;
        log->stamp_s = 0;
        log->lines = buf_over(log->memory, sizeof log->memory);
        access_log_set_fd(log, fd);
}

static bool is_plain(char c) {
        return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void access_log_escape(struct buf *out, const char *text, size_t shown) {
        const char *end = text + strnlen(text, shown);

        while (text < end) {
                const char *plain = text;

                while (text < end && is_plain(*text))
                        text++;
                buf_append(out, plain, (size_t)(text - plain));
                if (text < end)
                        buf_printf(out, "\\x%02x", (unsigned int)(unsigned char)*text++);
        }
        if (*end)
                buf_append(out, "...", 3);
}

/* Lines of one second share it. */
static const char *stamp(struct access_log *log) {
        time_t now = time(NULL);
        struct tm tm;

        if (now != log->stamp_s) {
                (void)strftime(log->stamp, sizeof log->stamp, " - - [%d/%b/%Y:%H:%M:%S %z] \"", localtime_r(&now, &tm));
                log->stamp_s = now;
        }
        return log->stamp;
}

static void append_text(struct buf *out, const char *text) {
        buf_append(out, text, strlen(text));
}

void access_log_add(struct access_log *log, const struct access_log_entry *entry) {
        size_t start;

        if (buf_room(&log->lines) < LINE_MAX_BYTES)
                access_log_flush(log);
        start = log->lines.length;
        append_text(&log->lines, entry->address);
        append_text(&log->lines, stamp(log));
        access_log_escape(&log->lines, entry->method, ACCESS_LOG_TARGET_MAX);
        append_text(&log->lines, " ");
        access_log_escape(&log->lines, entry->target, ACCESS_LOG_TARGET_MAX);
        append_text(&log->lines, "\" ");
        buf_number(&log->lines, entry->status);
        append_text(&log->lines, " ");
        buf_number(&log->lines, entry->body_bytes);
        append_text(&log->lines, " ");
        buf_number(&log->lines, entry->duration_us);
        append_text(&log->lines, "us w");
        buf_number(&log->lines, entry->worker);
        append_text(&log->lines, "\n");
        if (log->lines.overflow) { /* whole lines or none */
                log->lines.length = start;
                log->lines.overflow = false;
                log->dropped++;
        }
}

/* How many bytes from `begin` on go into one write. A pipe takes as many as are not torn, or mixed with those of other workers; a longer
 * line is alone. */
static size_t portion(const struct access_log *log, size_t begin) {
        const char *from = log->lines.data + begin, *end;
        size_t left = log->lines.length - begin;

        if (log->is_file || left <= PIPE_BUF)
                return left;
        end = memrchr(from, '\n', PIPE_BUF);
        if (!end)
                end = memchr(from, '\n', left);
        return end ? (size_t)(end - from) + 1 : left;
}

/* Returns how many bytes of all are written; fewer: log->error says why. */
static size_t write_lines(struct access_log *log) {
        size_t done = 0;

        while (done < log->lines.length) {
                ssize_t n = write(log->fd, log->lines.data + done, portion(log, done));

                if (n > 0)
                        done += (size_t)n; /* if it was cut short, the next one says why */
                else if (n == 0 || errno != EINTR) {
                        log->error = n == 0 ? ENOSPC : errno;
                        break;
                }
        }
        return done;
}

/* Removes the last `n` bytes of a file: the beginning of a line that does not fit. Workers that append to the same file have no room
 * either, so that nothing of theirs stands behind it. */
static bool take_back(const struct access_log *log, size_t n) {
        struct stat st;

        return log->is_file && fstat(log->fd, &st) == 0 && st.st_size >= (off_t)n && ftruncate(log->fd, st.st_size - (off_t)n) == 0;
}

void access_log_flush(struct access_log *log) {
        const size_t done = log->lines.length > 0 ? write_lines(log) : 0;
        const char *data = log->lines.data, *newline = done > 0 ? memrchr(data, '\n', done) : NULL;
        size_t line = newline ? (size_t)(newline - data) + 1 : 0; /* where the one begins that `done` is in */
        size_t rest = 0, kept = done;

        if (done < log->n_torn) /* the rest of what an earlier call has begun */
                rest = log->n_torn - done;
        else if (done > line && !take_back(log, done - line))
                rest = (size_t)((const char *)memchr(data + done, '\n', log->lines.length - done) - data) + 1 - done;
        kept = done + rest;
        for (size_t i = kept; i < log->lines.length; i++)
                log->dropped += data[i] == '\n';
        memmove(log->memory, data + done, rest);
        log->lines.length = log->n_torn = rest;
}

void access_log_set_fd(struct access_log *log, int fd) {
        struct stat st;

        log->dropped += log->n_torn > 0;
        log->lines.length = log->n_torn = 0;
        log->fd = fd;
        log->is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

void access_log_format_address(const struct sockaddr *address, char *text) {
        const void *bytes = address->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
                                                           : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;

        if (address->sa_family == AF_UNIX) /* who it is has no address; nginx says so, too */
                (void)snprintf(text, ACCESS_LOG_ADDRESS_MAX, "unix:");
        else if (!inet_ntop(address->sa_family, bytes, text, ACCESS_LOG_ADDRESS_MAX))
                (void)snprintf(text, ACCESS_LOG_ADDRESS_MAX, "-");
}
