/* What a worker may say on its link, and how often. It may send anything, at any rate, if it is not what it was: whatever no worker has
 * to say ends it. Pure. */
#ifndef RESTMARK_ACT_HEARING_H
#define RESTMARK_ACT_HEARING_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/link.h"

/* So far, of one worker. Zero-initialised: nothing. */
struct hearing {
        unsigned int n_ready;
        uint64_t n_done;
        uint64_t n_passed; /* connections that it was passed: after each it may say again that it is done */
};

/* Judges what link_receive() has returned: `received`, and for 1 the message and whether a descriptor came with it. `state` is the
 * slot's. Returns NULL for what a worker says, or that says nothing; else what is wrong, to be put behind "it ". */
const char *hearing_judge(struct hearing *hearing, int received, enum link_message message, bool has_descriptor, enum restmark_slot_state state);

#endif
