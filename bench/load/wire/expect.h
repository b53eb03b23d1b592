/* What an answer's body has to be, and how often that is looked at. */
#ifndef RESTMARK_LOAD_WIRE_EXPECT_H
#define RESTMARK_LOAD_WIRE_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
        EXPECT_SMALL_BYTES = 16384, /* up to this every body is compared … */
        EXPECT_LARGE_EVERY = 16,    /* … and of larger ones one in so many; their length always */
};

struct expectation {
        bool known;
        char *body;
        size_t length;
};

/* Whether the bytes of answer number `k` of its connection are to be compared. */
static inline bool expect_compares(const struct expectation *x, uint64_t k) {
        return x->known && (x->length <= EXPECT_SMALL_BYTES || k % EXPECT_LARGE_EVERY == 0);
}

/* Whether a piece of a body, from `offset` on, is as expected. */
static inline bool expect_piece(const struct expectation *x, uint64_t offset, const char *piece, size_t n) {
        return offset <= x->length && n <= x->length - offset && memcmp(x->body + offset, piece, n) == 0;
}

#endif
