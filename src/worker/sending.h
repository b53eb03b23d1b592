/* When a worker begins to send the dataset's JSON from its file: not before its pages have been put together, as pages on their way to a client stay as they are. That
 * waits until the first answers are out; up to then bodies are copied. */
#ifndef RESTMARK_WORKER_SENDING_H
#define RESTMARK_WORKER_SENDING_H

#include <stdbool.h>

#include "shared/heritage.h"

struct server;

struct sending {
        bool is_settled; /* nothing is left to do */
        unsigned int n_tries;
};

/* Whether it is time to send, `join` being what dataset_join_pages() has returned: with pages that could not be put together, too, but not while another worker may be
 * about it, which pages of ours would keep from it. Pure but for `s`. */
bool sending_may_begin(struct sending *s, int join);

/* To be called when the start is over, and again as long as it is not settled. May take a millisecond or two for each huge page. */
void sending_look(struct sending *s, const struct heritage *heritage, struct server *server);

#endif
