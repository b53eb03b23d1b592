/* Answers that come from a database or a cache: the request is suspended, as those to GET /wait are, and answered when the store has. */
#ifndef RESTMARK_HTTP_STORED_H
#define RESTMARK_HTTP_STORED_H

#include <microhttpd.h>
#include <stdbool.h>

#include "work/work.h"

struct connection;

enum stored_step {
        STORED_NOTHING, /* is to be waited for */
        STORED_TOLD,    /* the request is suspended, or answered: *ret is the library's verdict */
        STORED_MADE,    /* a good answer is there, in *made, which owns its body */
};

/* Gives the parameters room for what they ask for. Returns false if that need not be read, *ret being the library's verdict. */
bool stored_prepare(struct connection *c, struct work_params *params, enum MHD_Result *ret);

/* With the parameters read: asks the store and suspends the request; called again for it, brings its answer. */
enum stored_step stored_step(struct connection *c, const struct work_params *params, struct work_response *made, enum MHD_Result *ret);

#endif
