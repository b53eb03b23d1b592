/* What a worker writes about its requests: which get a line in the access log, and a message about slow ones where there is none. */
#ifndef RESTMARK_HTTP_REQUEST_LOG_H
#define RESTMARK_HTTP_REQUEST_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http/access_log.h"

enum {
        REQUEST_LOG_SLOW_MESSAGES = 10,     /* at most so many … */
        REQUEST_LOG_SLOW_WINDOW_MS = 10000, /* … in so long; then their number only */
};

struct request_log_options {
        int access_log_fd;   /* taken over; -1: none */
        uint64_t sample;     /* every so many-th request has a line; those that failed or were slow always */
        uint64_t slow_us;    /* a request that took longer is slow; 0: none is */
        unsigned int worker; /* slot */
        _Atomic uint64_t *lost_lines; /* where lines of the access log that are lost are counted; NULL: nowhere */
};

struct request_log;

/* *ret is NULL if nothing is to be logged. */
int request_log_new(const struct request_log_options *options, struct request_log **ret, struct error *e);

/* Writes what has gathered. NULL-safe; returns NULL. */
struct request_log *request_log_free(struct request_log *log);

/* One request has ended. */
void request_log_add(struct request_log *log, const struct access_log_entry *entry, uint64_t now_ms);

/* Whether the access log gets a line for it: to be asked once for each request, in order. */
bool request_log_chooses(struct request_log *log, const struct access_log_entry *entry);

/* Whether there may be a message about another slow request now. */
bool request_log_may_tell(struct request_log *log, uint64_t now_ms);

/* To be called between turns of the loop: writes lines, and says what could not be written or told. */
void request_log_run(struct request_log *log, uint64_t now_ms);

/* From now on lines go to `fd`, which is taken over; what has gathered still goes to the old file, which is then closed. */
void request_log_reopen(struct request_log *log, int fd);

#endif
