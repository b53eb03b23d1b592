#include "base/accept_pause.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static int enable_all(struct accept_pause *pause, int enabled) {
        int r = 0;

        for (size_t i = 0; i < pause->n; i++)
                if (pause->listeners[i] && r >= 0)
                        r = sd_event_source_set_enabled(pause->listeners[i], enabled);
        return r;
}

static int on_over(sd_event_source *source, uint64_t usec, void *context) {
        struct accept_pause *pause = context;
        int r = enable_all(pause, SD_EVENT_ON);

        (void)source;
        (void)usec;
        if (r < 0)
                log_message(LOG_ERR, "%s: cannot listen again after a pause: %s", pause->where, strerror(-r));
        return 0;
}

int accept_pause_init(struct accept_pause *pause, sd_event *event, sd_event_source *const *listeners, size_t n, const char *where) {
        int r;

        *pause = (struct accept_pause){ .listeners = listeners, .n = n, .where = where };
        r = sd_event_add_time(event, &pause->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_over, pause);
        return r < 0 ? r : sd_event_source_set_enabled(pause->timer, SD_EVENT_OFF);
}

void accept_pause_on_error(struct accept_pause *pause, int errnum) {
        int r;

        if (!shortage_is(errnum))
                return;
        shortage_note(&pause->shortage, errnum, clock_monotonic_ms(), pause->where);
        r = sd_event_source_set_time_relative(pause->timer, (uint64_t)SHORTAGE_PAUSE_MS * 1000);
        if (r >= 0)
                r = sd_event_source_set_enabled(pause->timer, SD_EVENT_ONESHOT);
        if (r >= 0)
                r = enable_all(pause, SD_EVENT_OFF);
        if (r < 0)
                log_message(LOG_ERR, "%s: cannot pause: %s", pause->where, strerror(-r));
}

void accept_pause_deinit(struct accept_pause *pause) {
        pause->timer = sd_event_source_unref(pause->timer);
}
