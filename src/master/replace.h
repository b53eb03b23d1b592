/* Replacing a slot's worker without a gap: a new one starts in the slot's other seat, with the current generation; when it is ready it
 * is the slot's own, and the old one leaves. Reloads, recycling and `drain` all go this way, one new worker at a time. */
#ifndef RESTMARK_MASTER_REPLACE_H
#define RESTMARK_MASTER_REPLACE_H

#include <restmark/scoreboard.h>
#include <stdbool.h>

struct child;
struct replace;
struct supervisor;

enum {
        /* Between attempts to recycle a slot whose new worker fails to start; doubles with each. */
        REPLACE_RETRY_MIN_MS = 1000,
        REPLACE_RETRY_MAX_MS = 600000,
};

/* `why_not` is NULL when the new worker is the slot's own and the old one leaves, else a sentence: the old one goes on. */
typedef void (*replace_done)(void *context, unsigned int slot, const char *why_not);

/* NULL when there is no memory. */
struct replace *replace_new(struct supervisor *s);
struct replace *replace_free(struct replace *replace);

/* Asks for it. `cause` is what the old worker's death will be put down to. There is one request per slot: one for a reload takes
 * the place of any other (whose `done` hears of its success too), another one that comes on top of it is refused, as is a second
 * one with a `done`. Returns whether it was taken. Recycling waits until no worker anywhere is beside another, the others only for
 * their own slot's seat. A worker that is to be recycled and dies meanwhile is not replaced once more.
 *
 * A new worker that fails to start leaves everything as it was. Recycling is tried again later; a reload's tries as often as a slot
 * does, then it is stuck; for the others that was it. */
bool replace_request(struct replace *r, unsigned int slot, enum restmark_cause cause, replace_done done, void *context);

/* Whether a request of this cause is not yet fulfilled. */
bool replace_wants(const struct replace *r, enum restmark_cause cause);

/* Forgets the requests of one cause, or all of one slot that ends; a new worker that has been started for one is killed. */
void replace_cancel(struct replace *r, enum restmark_cause cause);
void replace_forget(struct replace *r, unsigned int slot);

/* Makes the worker beside, which is ready, the slot's own; the old one leaves. */
void replace_swap(struct replace *r, unsigned int slot, enum restmark_cause cause);

/* Kills the new worker that starts, so that a reload need not wait for it; its request stays. */
void replace_yield(struct replace *r);

/* Starts the next one if one is due. */
void replace_run(struct replace *r);

/* Whether the child is the new worker that is awaited: whatever happens to it, the daemon goes on. */
bool replace_awaits(const struct replace *r, const struct child *child);

/* A child's state has changed. */
void replace_on_change(struct replace *r, struct child *child);

/* The daemon stops. */
void replace_abandon(struct replace *r);

#endif
