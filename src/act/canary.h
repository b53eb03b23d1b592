/* The canary's examination: the first worker of a new generation has to answer every route, rightly, through a connection of the
 * master's own, before it meets a client. Never blocks. */
#ifndef RESTMARK_ACT_CANARY_H
#define RESTMARK_ACT_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/error.h"

struct canary;

struct canary_expectation {
        size_t n_records;  /* the answer of /parse-msgpack */
        size_t json_bytes; /* the answer of /encode-json, and the length of /transfer-data's */
        size_t record_bytes; /* the length of /record/0's answer, if there is a record */
        uint64_t body_bytes_max; /* the largest body that /validate takes */
        bool can_wait;           /* /wait is there */
};

/* `why` is NULL if all answers are right, else a sentence. The canary may be freed in here. */
typedef void (*canary_done)(void *context, const char *why);

/* Takes over `fd`, a non-blocking stream socket whose other end the worker serves, also on failure. `done` is called once,
 * from `event`'s loop, within `timeout_ms`. */
int canary_new(sd_event *event, int fd, const struct canary_expectation *expect, uint64_t timeout_ms, canary_done done, void *context,
               struct canary **ret, struct error *e);

/* Ends the examination without a verdict. NULL-safe; returns NULL. */
struct canary *canary_free(struct canary *canary);

#endif
