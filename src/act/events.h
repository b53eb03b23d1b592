/* What has happened to the daemon, newest last: a ring for `restmarkctl events` and the admin page. The log says the same and
 * more; this is what can be asked for without it. */
#ifndef RESTMARK_ACT_EVENTS_H
#define RESTMARK_ACT_EVENTS_H

#include <stdint.h>
#include <stdio.h>

enum {
        EVENTS_KEPT = 256,
        EVENT_TEXT_MAX = 448, /* bytes with the final NUL; longer texts are cut */
};

/* Names for people and programs in events.c. */
enum event_kind {
        EVENT_START,         /* the daemon begins */
        EVENT_READY,         /* all workers are ready for the first time */
        EVENT_WORKER,        /* a worker is ready that is not of the start */
        EVENT_DEATH,         /* a worker is dead: its certificate */
        EVENT_CRASH_LOOP,    /* workers die as soon as they are ready, or do so no more */
        EVENT_LOST,          /* workers fail to start again and again, and the others go on */
        EVENT_RECYCLE,       /* a worker is to be replaced, and why */
        EVENT_HARAKIRI,      /* a worker is killed as its request ran too long */
        EVENT_WEDGED,        /* a worker is killed as its heart stopped */
        EVENT_RESPONSE,      /* a worker does not respond, or does again */
        EVENT_UNTRUSTED,     /* a worker is killed as it does or says what none does */
        EVENT_RELOAD,        /* a reload begins */
        EVENT_RELOADED,
        EVENT_RELOAD_FAILED,
        EVENT_SCALE,         /* the number of slots changes */
        EVENT_DRAIN,         /* a slot is drained as somebody asked for it */
        EVENT_UPGRADE,       /* the binary is replaced */
        EVENT_UPGRADE_FAILED,
        EVENT_REOPEN,        /* logs are opened again */
        EVENT_STOP,          /* the daemon ends */
        EVENT_KIND_COUNT
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
