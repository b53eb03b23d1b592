/* What a request has asked a store, from the question to the answer. Inside the http room only. */
#ifndef RESTMARK_HTTP_QUESTION_H
#define RESTMARK_HTTP_QUESTION_H

#include <stdbool.h>

#include "base/error.h"
#include "store/store.h"
#include "work/work.h"

struct connection;

/* One question of a connection; its memory is kept for the next one. */
struct stored {
        struct store_ticket ticket;
        struct connection *connection;
        struct store *store;
        struct work_params params;
        struct work_asked asked;
        enum store_outcome outcome; /* when the ticket is closed */
        int result;                 /* of the work on a good one: 0, and `made` owns a body, or a negative value with `error` */
        struct work_response made;
        struct error error;
};

/* Nobody takes the answer any more, if there is one or is to be one. */
void stored_drop(struct stored *s);

/* The same, and its memory. NULL-safe. */
void stored_free(struct stored *s);

#endif
