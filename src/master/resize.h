/* The number of workers while the daemon runs, without a reset connection. Growing opens the sockets of new slots, which join the rotation
 * when their workers are ready; if one does not start, the new slots are given up. Shrinking takes the highest slots out of the rotation,
 * lets their workers finish and others serve their queues, and closes their sockets when no handshake can be on its way to them. */
#ifndef RESTMARK_MASTER_RESIZE_H
#define RESTMARK_MASTER_RESIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct resize;
struct supervisor;

enum {
        /* A slot's sockets stay open this long after it has left the rotation: the last handshakes end in its queue, even when the first
         * answer to one gets lost and is sent again, a second later. */
        RESIZE_LINGER_MS = 1500,
};

/* After the supervisor's event loop and first generation. */
int resize_new(struct supervisor *s, struct resize **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct resize *resize_free(struct resize *resize);

/* Asks for `n_workers` workers, 1 to RESTMARK_SLOTS_MAX. Returns 0, with the ticket of CONTROL_TOPIC_SCALE to *ret; or negative with a
 * sentence when there are not enough descriptors or memory for that. It begins when no reload runs. What has been asked for before
 * and is not yet done gives way. */
int resize_request(struct resize *r, unsigned int n_workers, uint64_t *ret, struct error *e);

/* The same by `difference`, for a signal. */
int resize_request_by(struct resize *r, int difference, struct error *e);

/* Whether one is asked for and not yet done. */
bool resize_runs(const struct resize *r);

/* Whether the slot's worker has never been ready yet since the number grew: its failures end the resize, not the daemon. */
bool resize_is_new(const struct resize *r, unsigned int index);

/* Goes on; to be called when the state of anything has changed. */
void resize_update(struct resize *r);

/* The daemon stops: who waits is told so. */
void resize_abandon(struct resize *r);

#endif
