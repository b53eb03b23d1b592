#include "http/request_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "shared/scoreboard.h"

enum {
        COMPLAINT_MS = 10000,   /* between two messages about lines that are lost */
        SLOW_TARGET_SHOWN = 200 /* bytes of a slow request's target, each of which may take four in the message */
};

struct request_log {
        struct request_log_options options;
        struct access_log *access_log; /* NULL: none */
        uint64_t skip;                 /* requests until the next that has a line for being the n-th */
        uint64_t n_lost_told, n_lost_counted; /* of the lines that the access log has dropped */
        uint64_t next_complaint_ms;
        uint64_t window_ends_ms; /* of messages about slow requests */
        unsigned int told;       /* in this window */
        uint64_t untold;
};

int request_log_new(const struct request_log_options *options, struct request_log **ret, struct error *e) {
        struct request_log *log;

        *ret = NULL;
        if (options->access_log_fd < 0 && options->slow_us == 0)
                return 0;
        log = calloc(1, sizeof *log);
        if (!log)
                return error_set_errno(e, ENOMEM, "cannot log requests");
        log->options = *options;
        if (options->access_log_fd >= 0) {
                log->access_log = malloc(sizeof *log->access_log);
                if (!log->access_log) {
                        free(log);
                        return error_set_errno(e, ENOMEM, "cannot buffer the access log");
                }
                access_log_init(log->access_log, options->access_log_fd);
        }
        *ret = log;
        return 0;
}

static void tell_untold(struct request_log *log) {
        if (log->untold > 0)
                log_message(LOG_NOTICE, "worker %u: %llu more slow requests are not listed", log->options.worker,
                            (unsigned long long)log->untold);
        log->untold = 0;
}

static const char *remedy(int errnum) {
        switch (errnum) {
        case ENOSPC:
        case EDQUOT:
                return ": make room; what comes then is written again";
        case EFBIG:
                return ": the limit of file sizes is reached (LimitFSIZE=, ulimit -f): move the log away and open it again (restmarkctl reopen)";
        case EAGAIN:
                return ": the reader of the pipe does not keep up";
        default:
                return "";
        }
}

/* A log that cannot be written must not stop the service, but it is not passed over either. */
static void complain(struct request_log *log, uint64_t now_ms) {
        const struct access_log *lines = log->access_log;
        const uint64_t n = lines->dropped - log->n_lost_told;

        if (n == 0)
                return;
        if (log->options.lost_lines)
                cell_add(log->options.lost_lines, lines->dropped - log->n_lost_counted);
        log->n_lost_counted = lines->dropped;
        if (now_ms < log->next_complaint_ms)
                return;
        log_message(LOG_WARNING, "worker %u: %llu line%s of the access log %s lost: %s%s", log->options.worker, (unsigned long long)n,
                    n == 1 ? "" : "s", n == 1 ? "is" : "are", strerror(lines->error), remedy(lines->error));
        log->n_lost_told = lines->dropped;
        log->next_complaint_ms = now_ms + COMPLAINT_MS;
}

struct request_log *request_log_free(struct request_log *log) {
        if (!log)
                return NULL;
        if (log->access_log) {
                access_log_flush(log->access_log);
                (void)fd_close(log->access_log->fd);
                access_log_set_fd(log->access_log, -1);
                log->next_complaint_ms = 0;
                complain(log, 0);
        }
        tell_untold(log);
        free(log->access_log);
        free(log);
        return NULL;
}

static bool is_slow(const struct request_log *log, const struct access_log_entry *entry) {
        return log->options.slow_us > 0 && entry->duration_us > log->options.slow_us;
}

bool request_log_chooses(struct request_log *log, const struct access_log_entry *entry) {
        bool in_turn = log->skip == 0;

        log->skip = in_turn ? log->options.sample - 1 : log->skip - 1;
        return in_turn || entry->aborted || entry->status >= 400 || is_slow(log, entry);
}

bool request_log_may_tell(struct request_log *log, uint64_t now_ms) {
        if (now_ms >= log->window_ends_ms) {
                tell_untold(log);
                log->window_ends_ms = now_ms + REQUEST_LOG_SLOW_WINDOW_MS;
                log->told = 0;
        }
        if (log->told < REQUEST_LOG_SLOW_MESSAGES) {
                log->told++;
                return true;
        }
        log->untold++;
        return false;
}

static void tell_slow(const struct request_log *log, const struct access_log_entry *entry) {
        char memory[4 * SLOW_TARGET_SHOWN + 1];
        struct buf target = buf_over(memory, sizeof memory - 1);
        const struct log_field fields[] = {
                { "RESTMARK_SLOT", log->options.worker },
                { "RESTMARK_STATUS", entry->status },
                { "RESTMARK_DURATION_US", (long long)entry->duration_us },
        };

        access_log_escape(&target, entry->target, SLOW_TARGET_SHOWN);
        memory[target.length] = '\0';
        log_fields(LOG_NOTICE, fields, sizeof fields / sizeof *fields, "slow request: %s %s took %.1f ms in worker %u, %s %u",
                   entry->method, memory, (double)entry->duration_us / 1000, log->options.worker,
                   entry->aborted ? "aborted with status" : "status", entry->status);
}

void request_log_add(struct request_log *log, const struct access_log_entry *entry, uint64_t now_ms) {
        if (log->access_log) {
                if (request_log_chooses(log, entry))
                        access_log_add(log->access_log, entry);
        } else if (is_slow(log, entry) && request_log_may_tell(log, now_ms))
                tell_slow(log, entry);
}

void request_log_run(struct request_log *log, uint64_t now_ms) {
        if (log->access_log) {
                access_log_flush(log->access_log);
                complain(log, now_ms);
        } else if (log->untold > 0 && now_ms >= log->window_ends_ms)
                tell_untold(log);
}

void request_log_reopen(struct request_log *log, int fd) {
        if (!log->access_log) { /* the master has a log that this worker was not started with: it has no line to write */
                (void)fd_close(fd);
                return;
        }
        access_log_flush(log->access_log);
        (void)fd_close(log->access_log->fd);
        access_log_set_fd(log->access_log, fd);
}
