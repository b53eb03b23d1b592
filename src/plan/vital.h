/* Signs of a worker's life, and what they say. Pure: no clock, no process. */
#ifndef RESTMARK_PLAN_VITAL_H
#define RESTMARK_PLAN_VITAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
        VITAL_SILENCE_MIN_MS = 3000, /* an idle worker's heart beats once a second; nobody is dead before this */
        VITAL_LOOK_MIN_MS = 100,     /* how often to look, for a harakiri time */
        VITAL_LOOK_MAX_MS = 1000,
        VITAL_LATE_MS = 100, /* a master that wakes up so much too late has stood still, perhaps with the whole machine */
};

/* What was seen of a worker when it was last looked at. A turn of its loop may serve many requests and take long, so the heartbeat
 * alone says too little: whatever moves is a sign of life. */
struct vital {
        uint64_t beat_ms, working_since_ms, requests;
        uint64_t moved_ms; /* when one of them was last seen to have changed; CLOCK_MONOTONIC */
        uint64_t excused_ms; /* how long the master stood still while the request that is in work was */
};

/* Begins with a worker that is taken to be alive. */
static inline struct vital vital_begin(uint64_t now_ms) {
        return (struct vital){ .moved_ms = now_ms };
}

/* Takes a look at what the worker says of itself: its cell. */
void vital_look(struct vital *vital, uint64_t beat_ms, uint64_t working_since_ms, uint64_t requests, uint64_t now_ms);

/* How long the master stood still, that was to wake up at `due_ms`; 0 if it is about in time. */
uint64_t vital_stood_still_ms(uint64_t due_ms, uint64_t now_ms);

/* After a look: for so long nobody, the master included, is known to have run. It counts neither as silence nor as a request's time. */
void vital_excuse(struct vital *vital, uint64_t stood_still_ms, uint64_t now_ms);

/* After a look: whether there has been no sign of life for VITAL_SILENCE_MIN_MS, be it in work or not. Either way it takes no connections. */
bool vital_is_silent(const struct vital *vital, uint64_t now_ms);

enum vital_verdict {
        VITAL_WELL,
        VITAL_HARAKIRI, /* its request runs for too long */
        VITAL_WEDGED,   /* it is in no request, and nothing has moved for as long, or for VITAL_SILENCE_MIN_MS if that is longer */
};

/* After a look. `harakiri_ms` is 0 when it is off: then all are well. */
enum vital_verdict vital_judge(const struct vital *vital, uint64_t harakiri_ms, uint64_t now_ms);

/* How often to look; without harakiri (0) it is for silence alone. */
uint64_t vital_interval_ms(uint64_t harakiri_ms);

/* The slots as the watchdog counts them. */
struct quorum {
        unsigned int alive;    /* their worker is ready and has moved since not too long ago */
        unsigned int awaited;  /* their worker is starting, and has not failed before: neither good nor bad */
        unsigned int dead;     /* all others: wedged, waiting after a failure */
};

/* Whether a majority of the slots that count is alive. With none that counts it is. */
bool quorum_holds(const struct quorum *quorum);

#endif
