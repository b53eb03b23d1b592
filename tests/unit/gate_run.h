/* Requests run through the gate, cut at any place. */
#ifndef RESTMARK_TESTS_GATE_RUN_H
#define RESTMARK_TESTS_GATE_RUN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "gate/gate.h"

enum { TLS = 1, BINARY = 2 }; /* instead of a status: no answer is due */

#define H "Host: x\r\n"
#define GET "GET / HTTP/1.1\r\n" H
#define CHUNKED GET "Transfer-Encoding: chunked\r\n\r\n"
#define TEN(text) text text text text text text text text text text
#define HUNDRED(text) TEN(TEN(text))

static const struct gate_limits limits = { .head_bytes = 1024, .body_bytes = 100 };

/* What becomes of bytes: how many requests there are, and the status of the refusal behind them; 0: none. */
struct row {
        const char *bytes;
        size_t length;
        unsigned int requests, status;
};

struct outcome {
        unsigned int requests, status;
        bool is_part, is_head; /* bytes are left, or a body is not whole; what is refused is a HEAD */
        size_t written;
        char heads[4096]; /* as the library gets them */
};

static inline void take(struct gate *g, const char *bytes, size_t *at, size_t length, struct outcome *o) {
        enum gate_verdict verdict = GATE_HEAD;
        size_t used = 1;

        while (*at < length && !(verdict == GATE_MORE && used == 0)) {
                verdict = gate_take(g, bytes + *at, length - *at, &used);
                assert_true(used <= length - *at);
                if (verdict == GATE_REFUSED) {
                        o->status = g->refusal.silence == GATE_TLS ? TLS : g->refusal.silence == GATE_BINARY ? BINARY : g->refusal.status;
                        o->is_head = g->is_head;
                        assert_true(o->status < 3 || g->refusal.detail);
                        return;
                }
                if (verdict == GATE_HEAD) {
                        size_t n = gate_write(g, bytes + *at, o->heads + o->written);

                        assert_true(n <= used);
                        o->written += n;
                }
                *at += used;
                if (verdict == GATE_END || (verdict == GATE_HEAD && !gate_has_body(g))) {
                        o->requests++;
                        gate_next(g);
                }
        }
}

/* The bytes come in two pieces, the second at `split`, or, for 0, one by one. */
static inline struct outcome run(const char *bytes, size_t length, size_t split) {
        struct outcome o = { 0 };
        struct gate g;
        size_t at = 0;

        gate_init(&g, &limits);
        for (size_t end = split > 0 ? split : 1; end <= length && o.status == 0; end = split > 0 && end < length ? length : end + 1) {
                char *copy = malloc(end); /* of its own size, so that a sanitizer sees what reads past it */

                assert_non_null(copy);
                memcpy(copy, bytes, end);
                take(&g, copy, &at, end, &o);
                free(copy);
        }
        o.is_part = at < length || g.phase != GATE_LINE;
        return o;
}

static inline void check(const struct row *row) {
        for (size_t split = 0; split <= row->length; split++) {
                struct outcome o = run(row->bytes, row->length, split);

                if (o.requests != row->requests || o.status != row->status)
                        fail_msg("%.60s… in pieces at %zu: %u requests and %u, not %u and %u", row->bytes, split, o.requests, o.status,
                                 row->requests, row->status);
        }
}

#define CHECK_ALL(rows)                                \
        do {                                           \
                for (size_t i = 0; i < ELEMENTS(rows); i++) \
                        check(&(rows)[i]);             \
        } while (0)

#endif
