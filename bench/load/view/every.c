#include "view/every.h"

#include <inttypes.h>
#include <stdio.h>

static void look(void *context, uint64_t elapsed_ns, const struct load_tally *so_far, const struct hdr *latency) {
        (void)context;
        (void)latency;
        /* That it cannot be written is noticed at the end, as of all that goes to standard output. */
        (void)printf("so-far %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", elapsed_ns / 1000, so_far->answered, so_far->failed);
        (void)fflush(stdout);
}

const struct load_watcher *every_watcher(uint64_t interval_ns, struct load_watcher *ret) {
        *ret = (struct load_watcher){ .look = look, .interval_ns = interval_ns };
        return ret;
}
