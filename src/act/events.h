/* What has happened to the daemon, newest last: a ring for `restmarkctl events` and the admin page. The log says the same and
 * more; this is what can be asked for without it. */
#ifndef RESTMARK_ACT_EVENTS_H
#define RESTMARK_ACT_EVENTS_H

#include <stdint.h>
#include <stdio.h>

#include "fleet/event_kind.h"

enum {
        EVENTS_KEPT = 256,
        EVENT_TEXT_MAX = 448, /* bytes with the final NUL; longer texts are cut */
};

struct events;

/* An empty ring; NULL when there is no memory. */
struct events *events_new(void);

/* NULL-safe; returns NULL. */
struct events *events_free(struct events *events);

const char *events_kind_name(enum event_kind kind);

/* Adds one, now. `slot` is -1 when it is about no single slot. Control characters and what is not UTF-8 become "?". */
void events_add(struct events *events, enum event_kind kind, int slot, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The number of the newest event; 0: none yet. */
uint64_t events_last(const struct events *events);

/* One JSON object on one line, with the events after number `since` that are still kept, oldest first. Numbers are of this ring, as the next
 * program, of an upgrade or a restart, has one of its own: when the ring began tells them apart. */
void events_write_json(const struct events *events, uint64_t since, FILE *to);

/* The same as lines of text in local time. */
void events_write_text(const struct events *events, uint64_t since, FILE *to);

#endif
