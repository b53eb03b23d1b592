/* What a client has not taken yet: answers in pieces, of which large ones are not copied. */
#ifndef RESTMARK_RPC_ANSWERS_H
#define RESTMARK_RPC_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "work/work.h"

enum {
        ANSWERS_FULL_BYTES = 256 * 1024, /* with so much unsent … */
        ANSWERS_FULL_PIECES = 64,        /* … or so many pieces no call is begun: what one answer has more is the most that there can be */
        ANSWERS_PIECE_BYTES = 4096,      /* of small answers together; a body from this on is a piece of its own */
};

struct piece;

struct answers {
        struct piece *first, *last;
        size_t pieces, bytes; /* unsent */
        uint64_t sent;        /* bytes, ever */
};

static inline bool answers_is_full(const struct answers *o) {
        return o->bytes >= ANSWERS_FULL_BYTES || o->pieces >= ANSWERS_FULL_PIECES;
}

/* The answer to request `id`: [1, id, nil, body], where the body is that of work_run(), as a str; one that is WORK_BODY_OWNED is taken over in any case.
 * Returns 0, -E2BIG (a str has no more than 4 GiB), or -ENOMEM, after which the stream is of no more use. */
int answers_add_result(struct answers *o, uint32_t id, const struct work_response *body);

/* [1, id, [status, text], nil]. */
int answers_add_error(struct answers *o, uint32_t id, unsigned int status, const char *text);

/* Sends what the socket takes. Returns 1 when all is sent, 0 when not, or a negative errno value. */
int answers_send(struct answers *o, int fd);

void answers_clear(struct answers *o);

#endif
