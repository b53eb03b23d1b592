/* Answers that come from a database or a cache: the request is suspended, and answered when the store has. */
#ifndef RESTMARK_HTTP_STORED_H
#define RESTMARK_HTTP_STORED_H

#include <microhttpd.h>

#include "gate/served.h"

struct connection;

/* Asks the store and suspends the request; called again for it, it queues the answer. Returns the library's verdict. */
enum MHD_Result stored_answer(struct connection *c, const struct served_request *request);

#endif
