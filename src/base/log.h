/* The one sink for messages: the journal, with structured fields, when stderr is the journal; else stderr with level
 * names. Only main paths of the processes log; library code returns errors. Logging never waits: what journald, or the reader of stderr, does
 * not take at once is lost, counted, and said when something is taken again. */
#ifndef RESTMARK_BASE_LOG_H
#define RESTMARK_BASE_LOG_H

#include <stddef.h>
#include <syslog.h> /* LOG_ERR … LOG_DEBUG */

enum log_target { LOG_TARGET_AUTO, LOG_TARGET_STDERR, LOG_TARGET_JOURNAL };

/* A journal field, e.g. { "RESTMARK_SLOT", 3 }; one whose value is a text is written whole: { "RESTMARK_CAUSE=crash", 0 }. */
struct log_field {
        const char *name;
        long long value;
};

/* Chooses the sink; `max_level` is the least important level that is shown. AUTO is the journal exactly when stderr is
 * connected to it (JOURNAL_STREAM). Before the first call it is AUTO, LOG_INFO, and lines on stderr are those of a command,
 * "restmarkd: error: …", without time and pid. */
void log_open(enum log_target target, int max_level);

/* Whether a message of this level would be shown; for messages that cost something to make. */
int log_enabled(int level);

/* One message, one line. */
void log_message(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with `n` fields, which only the journal keeps: the text must say all that matters. */
void log_fields(int level, const struct log_field *fields, size_t n, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

#endif
