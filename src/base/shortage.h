/* When accept() fails for want of something, the connection stays in the queue and the listener stays readable: whoever goes on to look
 * at it takes a whole CPU for nothing. So all who accept pause, and say so once for as long as the want lasts, not at each try. */
#ifndef RESTMARK_BASE_SHORTAGE_H
#define RESTMARK_BASE_SHORTAGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
        SHORTAGE_PAUSE_MS = 100,     /* between two tries */
        SHORTAGE_EPISODE_MS = 10000, /* so long without a failure ends an episode: the next one is said again */
};

struct shortage {
        uint64_t last_ms; /* of the last failure, CLOCK_MONOTONIC; 0: there was none */
};

/* Whether accept()'s `errnum` (a positive errno value) lasts, so that a pause is due; else it was the fault of one connection, which is
 * gone by now, or nothing was there. */
bool shortage_is(int errnum);

/* Notes a failure; whether it begins an episode. */
bool shortage_begins(struct shortage *shortage, uint64_t now_ms);

/* What to do about it: a clause for a message. */
const char *shortage_remedy(int errnum);

/* Notes a failure, and has one message logged for each episode: "WHERE: cannot accept a connection: …". */
void shortage_note(struct shortage *shortage, int errnum, uint64_t now_ms, const char *where);

#endif
