#include "fleet/wish.h"

#include "fleet/fleet.h"

/* What is there already. */
enum present {
        PRESENT_NOTHING,
        PRESENT_RECYCLING,
        PRESENT_DRAIN,        /* for which somebody waits */
        PRESENT_RELOAD,
        PRESENT_RELOAD_DRAIN, /* a reload's that answers to a drain too */
        PRESENT_SCALE,        /* the slot is to be no more */
        PRESENT_STOP,         /* nor is the daemon */
        PRESENT_COUNT
};

enum wanted { WANTED_RECYCLING, WANTED_DRAIN, WANTED_RELOAD, WANTED_COUNT };

static const enum merge table[PRESENT_COUNT][WANTED_COUNT] = {
        /*                             recycling     drain          reload */
        [PRESENT_NOTHING] =      { MERGE_TAKE,   MERGE_TAKE,    MERGE_TAKE },
        [PRESENT_RECYCLING] =    { MERGE_REFUSE, MERGE_OUTRANK, MERGE_OUTRANK },
        [PRESENT_DRAIN] =        { MERGE_REFUSE, MERGE_REFUSE,  MERGE_OUTRANK },
        [PRESENT_RELOAD] =       { MERGE_REFUSE, MERGE_JOIN,    MERGE_JOIN },
        [PRESENT_RELOAD_DRAIN] = { MERGE_REFUSE, MERGE_REFUSE,  MERGE_JOIN },
        [PRESENT_SCALE] =        { MERGE_REFUSE, MERGE_REFUSE,  MERGE_REFUSE },
        [PRESENT_STOP] =         { MERGE_REFUSE, MERGE_REFUSE,  MERGE_REFUSE },
};

bool wish_is_recycling(enum restmark_cause cause) {
        return cause >= RESTMARK_CAUSE_MAX_REQUESTS && cause <= RESTMARK_CAUSE_PSS;
}

static enum present find_present(const struct fleet *f, unsigned int slot) {
        const struct wish *wish = &f->wishes[slot];

        if (f->stopping)
                return PRESENT_STOP;
        if (slot >= f->n_workers)
                return PRESENT_SCALE;
        if (!wish->wanted)
                return PRESENT_NOTHING;
        if (wish_is_recycling(wish->cause))
                return PRESENT_RECYCLING;
        if (wish->cause != RESTMARK_CAUSE_RELOAD)
                return PRESENT_DRAIN;
        return wish->ticket != 0 ? PRESENT_RELOAD_DRAIN : PRESENT_RELOAD;
}

enum merge wish_merge(const struct fleet *f, unsigned int slot, enum restmark_cause cause) {
        enum wanted wanted = wish_is_recycling(cause) ? WANTED_RECYCLING : cause == RESTMARK_CAUSE_RELOAD ? WANTED_RELOAD : WANTED_DRAIN;

        return table[find_present(f, slot)][wanted];
}

bool wish_is_open(const struct fleet *f, enum restmark_cause cause) {
        for (unsigned int i = 0; i < f->n_slots; i++)
                if (f->wishes[i].wanted && f->wishes[i].cause == cause)
                        return true;
        return false;
}
