/* The access log of one worker: lines gather in memory while requests are served and are written between turns of its loop. */
#ifndef RESTMARK_HTTP_ACCESS_LOG_H
#define RESTMARK_HTTP_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"

enum { ACCESS_LOG_ADDRESS_MAX = 48, ACCESS_LOG_TARGET_MAX = 1024 };

struct access_log {
        int fd; /* opened with O_APPEND; the owner closes it */
        uint64_t dropped; /* lines that could not be kept or written, in all */
        int error;        /* errno of the last write that failed */
        bool is_file;     /* a regular file: what was written last can be taken back */
        size_t n_torn;    /* bytes at the start of `lines` that end a line whose beginning is written */
        struct buf lines;
        time_t stamp_s;   /* of `stamp`, in the time zone of the process; 0: there is none yet */
        char stamp[40];
        char memory[1 << 16];
};

struct access_log_entry {
        const char *address, *method, *target; /* the target as sent, query and all; it may be any bytes */
        unsigned int status;                   /* 0: none was sent */
        unsigned int worker;                   /* slot */
        bool aborted;                          /* the answer did not get through */
        uint64_t body_bytes, duration_us;
};

void access_log_init(struct access_log *log, int fd);

/* Goes on with another file. What the old one has not got by now is lost, and counted. The owner closes that. */
void access_log_set_fd(struct access_log *log, int fd);

/* "ADDRESS - - [23/Nov/2026:12:00:00 +0000] "METHOD TARGET" STATUS BYTES MICROSECONDSus wSLOT". Bytes of the target that are
 * not printable ASCII, quotes and backslashes are written as \xHH. */
void access_log_add(struct access_log *log, const struct access_log_entry *entry);

/* Appends at most `shown` bytes of a text as the log writes them, and "..." where it is cut. */
void access_log_escape(struct buf *out, const char *text, size_t shown);

/* Writes what has gathered; one write for whole lines, so that lines of several workers do not mix. Of a line for which there is no more
 * room on the disk, or below the limit of file sizes, nothing stays in a file; a pipe gets the rest of it later. */
void access_log_flush(struct access_log *log);

/* The peer's address as text into `text` (ACCESS_LOG_ADDRESS_MAX bytes). */
void access_log_format_address(const struct sockaddr *address, char *text);

#endif
