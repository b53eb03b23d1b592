/* One line on a terminal that says how a run goes. On anything else: nothing. */
#ifndef RESTMARK_LOAD_VIEW_PROGRESS_H
#define RESTMARK_LOAD_VIEW_PROGRESS_H

#include <stdio.h>

#include "engine/run.h"

struct progress {
        FILE *to;
        bool live;          /* a terminal */
        const char *prefix; /* "try 3, 4000/s: "; not NULL */
        const struct load_plan *plan;
        uint64_t last_ns, last_answered;
        struct hdr last;  /* what was in the histogram at the last look … */
        struct hdr since; /* … and what has come since: percentiles are of that */
};

void progress_begin(struct progress *p, FILE *to, const struct load_plan *plan, const char *prefix);

/* For load_run(): a watcher that shows the line, or NULL if nobody can see it. `ret` is memory for it. */
const struct load_watcher *progress_watcher(struct progress *p, struct load_watcher *ret);

/* Takes the line away. */
void progress_end(struct progress *p);

#endif
