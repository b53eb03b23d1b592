/* What is said, and decided, about slots whose workers end badly again and again. */
#ifndef RESTMARK_MASTER_MISERY_H
#define RESTMARK_MASTER_MISERY_H

#include <stdint.h>

struct child;

/* The slot is lost (SLOT_ACTION_GIVE_UP): stops the daemon if all are. One that is does not end the others, which serve, or may yet. */
void misery_decide(struct child *child, uint64_t now_ms);

/* Says that, and why, the next worker is not started at once. */
void misery_tell_wait(const struct child *child, uint64_t now_ms);

/* Says that the slot is in a crash loop no more. */
void misery_tell_end(const struct child *child);

#endif
