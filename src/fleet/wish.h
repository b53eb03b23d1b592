/* When several wishes meet on a slot, one table says who wins. */
#ifndef RESTMARK_FLEET_WISH_H
#define RESTMARK_FLEET_WISH_H

#include <restmark/scoreboard.h>
#include <stdbool.h>

struct fleet;

enum merge {
        MERGE_REFUSE,  /* the new wish: what is there already does it, or comes first */
        MERGE_TAKE,    /* the new wish, as there is none */
        MERGE_JOIN,    /* what is there goes on, and answers to the new one too */
        MERGE_OUTRANK, /* the new one's cause holds, and it answers to the old one too */
};

/* What becomes of a new wish of `cause` for the slot. */
enum merge wish_merge(const struct fleet *fleet, unsigned int slot, enum restmark_cause cause);

/* Whether it is one of the causes for which a worker is recycled. */
bool wish_is_recycling(enum restmark_cause cause);

/* Whether a wish of this cause is not yet fulfilled. */
bool wish_is_open(const struct fleet *fleet, enum restmark_cause cause);

#endif
