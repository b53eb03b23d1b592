#include "act/events.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/pages.h"

struct event {
        uint64_t unix_ms;
        enum event_kind kind;
        int slot;
        char text[EVENT_TEXT_MAX];
};

struct events {
        uint64_t began_unix_ms;
        uint64_t last; /* number of the newest; number n lies in ring[n % EVENTS_KEPT] */
        struct event ring[EVENTS_KEPT];
};

static const char *const kind_names[EVENT_KIND_COUNT] = {
        [EVENT_START] = "start",
        [EVENT_READY] = "ready",
        [EVENT_WORKER] = "worker",
        [EVENT_DEATH] = "death",
        [EVENT_CRASH_LOOP] = "crash-loop",
        [EVENT_LOST] = "lost",
        [EVENT_RECYCLE] = "recycle",
        [EVENT_HARAKIRI] = "harakiri",
        [EVENT_WEDGED] = "wedged",
        [EVENT_RESPONSE] = "response",
        [EVENT_UNTRUSTED] = "untrusted",
        [EVENT_RELOAD] = "reload",
        [EVENT_RELOADED] = "reloaded",
        [EVENT_RELOAD_FAILED] = "reload-failed",
        [EVENT_SCALE] = "scale",
        [EVENT_DRAIN] = "drain",
        [EVENT_UPGRADE] = "upgrade",
        [EVENT_UPGRADE_FAILED] = "upgrade-failed",
        [EVENT_REOPEN] = "reopen",
        [EVENT_STOP] = "stop",
};

struct events *events_new(void) {
        struct events *events = pages_new(sizeof *events);

        if (events)
                events->began_unix_ms = clock_realtime_ms();
        return events;
}

struct events *events_free(struct events *events) {
        pages_free(events, sizeof *events);
        return NULL;
}

const char *events_kind_name(enum event_kind kind) {
        return kind < EVENT_KIND_COUNT ? kind_names[kind] : "?";
}

/* How many bytes the UTF-8 character at `p` has; 0 if that is none. */
static size_t character_length(const unsigned char *p) {
        size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : (*p & 0xf0) == 0xe0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;

        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80) /* also at the end of the text */
                        return 0;
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
                return 0; /* overlong, a surrogate, or beyond Unicode */
        return n;
}

static void clean(char *text) {
        for (unsigned char *p = (unsigned char *)text; *p;) {
                size_t n = *p < 0x20 || *p == 0x7f ? 0 : character_length(p);

                if (n == 0)
                        *p = '?';
                p += n > 0 ? n : 1;
        }
}

void events_add(struct events *events, enum event_kind kind, int slot, const char *format, ...) {
        struct event *event = &events->ring[++events->last % EVENTS_KEPT];
        va_list arguments;

        event->unix_ms = clock_realtime_ms();
        event->kind = kind;
        event->slot = slot;
        va_start(arguments, format);
        (void)vsnprintf(event->text, sizeof event->text, format, arguments);
        va_end(arguments);
        clean(event->text);
}

uint64_t events_last(const struct events *events) {
        return events->last;
}

/* The number of the oldest event that is kept and comes after `since`. */
static uint64_t first_after(const struct events *events, uint64_t since) {
        uint64_t oldest = events->last > EVENTS_KEPT ? events->last - EVENTS_KEPT + 1 : 1;

        return since >= oldest ? since + 1 : oldest;
}

static void write_json_text(const char *text, FILE *to) {
        (void)fputc('"', to);
        for (const char *p = text; *p; p++) {
                if (*p == '"' || *p == '\\')
                        (void)fputc('\\', to);
                (void)fputc(*p, to);
        }
        (void)fputc('"', to);
}

void events_write_json(const struct events *events, uint64_t since, FILE *to) {
        const char *separator = "";

        (void)fprintf(to, "{\"began_unix_ms\":%" PRIu64 ",\"last\":%" PRIu64 ",\"events\":[", events->began_unix_ms, events->last);
        for (uint64_t n = first_after(events, since); n <= events->last && n > since; n++) {
                const struct event *event = &events->ring[n % EVENTS_KEPT];

                (void)fprintf(to, "%s{\"number\":%" PRIu64 ",\"unix_ms\":%" PRIu64 ",\"kind\":\"%s\",\"slot\":", separator, n,
                              event->unix_ms, events_kind_name(event->kind));
                if (event->slot >= 0)
                        (void)fprintf(to, "%d", event->slot);
                else
                        (void)fputs("null", to);
                (void)fputs(",\"text\":", to);
                write_json_text(event->text, to);
                (void)fputs("}", to);
                separator = ",";
        }
        (void)fputs("]}\n", to);
}

void events_write_text(const struct events *events, uint64_t since, FILE *to) {
        for (uint64_t n = first_after(events, since); n <= events->last && n > since; n++) {
                const struct event *event = &events->ring[n % EVENTS_KEPT];
                time_t seconds = (time_t)(event->unix_ms / 1000);
                char stamp[32];
                struct tm tm;

                (void)strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
                (void)fprintf(to, "%s.%03u  %-14s ", stamp, (unsigned int)(event->unix_ms % 1000), events_kind_name(event->kind));
                if (event->slot >= 0)
                        (void)fprintf(to, "%3d  ", event->slot);
                else
                        (void)fputs("  -  ", to);
                (void)fprintf(to, "%s\n", event->text);
        }
}
