#include "act/hearing.h"

#include <errno.h>
#include <stddef.h>

const char *hearing_judge(struct hearing *hearing, int received, enum link_message message, bool has_descriptor, enum restmark_slot_state state) {
        if (received == -EPROTO)
                return "has sent what is no message on its link to the master";
        if (received == -EMFILE || (received == 1 && has_descriptor))
                return "has passed a descriptor on its link to the master";
        if (received != 1)
                return NULL;
        switch (message) {
        case LINK_READY: /* a stop may have come before */
                return hearing->n_ready++ == 0 ? NULL : "has said more than once that it is ready";
        case LINK_DONE:
                if (state != RESTMARK_SLOT_DRAINING && state != RESTMARK_SLOT_KILLED)
                        return "has said that it is done, and was not told to stop";
                return hearing->n_done++ <= hearing->n_passed ? NULL : "has said more than once that it is done";
        default:
                return "has sent a message on its link that is for workers";
        }
}
