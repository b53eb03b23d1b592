/* Where a MessagePack value ends, found as its bytes come in: nothing is allocated, no byte is looked at twice, and what a client claims
 * (a string of 4 GiB, an array of a million arrays) is refused at its header. What has passed is small enough for msgpack-c, which allocates
 * what headers claim. Pure. */
#ifndef RESTMARK_RPC_SCAN_H
#define RESTMARK_RPC_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum {
        SCAN_DEPTH_MAX = 8,   /* arrays and maps inside one another */
        SCAN_VALUES_MAX = 64, /* in one message, containers and keys included: a call with all parameters has some twenty */
};

enum scan_verdict {
        SCAN_MORE,      /* it goes on behind the bytes at hand */
        SCAN_WHOLE,     /* its last byte is bytes[at - 1] */
        SCAN_INVALID,   /* byte 0xc1, which nothing begins with */
        SCAN_DEEP,      /* more than SCAN_DEPTH_MAX */
        SCAN_MANY,      /* more than SCAN_VALUES_MAX */
        SCAN_LARGE,     /* more bytes than are allowed */
};

struct scan {
        size_t at;                        /* bytes that are done with; may lie behind those at hand, in a string */
        uint64_t values;                  /* seen, and those that headers have promised */
        unsigned int depth;               /* containers that are open */
        uint64_t left[SCAN_DEPTH_MAX];    /* values that each of them still wants */
};

/* Before the first byte of a value. */
static inline void scan_begin(struct scan *s) {
        s->at = 0;
        s->values = 1;
        s->depth = 0;
}

/* Goes on with all bytes of the value that are at hand: those from before, and what has come behind them. After a verdict other than
 * SCAN_MORE begin anew. `max_bytes` is the most that a value may have. */
enum scan_verdict scan_run(struct scan *s, const uint8_t *bytes, size_t length, size_t max_bytes);

#endif
