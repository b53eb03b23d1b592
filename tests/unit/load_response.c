#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire/response.h"

enum { BODY_MAX = 4096, FEEDS_MAX = 100000 };

/* What a stream of bytes amounts to. */
struct outcome {
        unsigned int answers;
        uint16_t status;     /* of the last one */
        bool closes;         /* behind the last one */
        bool at_close;       /* the end of the connection would complete an answer */
        bool idle;           /* nothing of a further answer has come */
        enum response_fault fault;
        char body[BODY_MAX]; /* of all answers */
        size_t body_length;
};

static void collect(struct outcome *o, const char *piece, size_t n) {
        assert_true(n <= sizeof o->body - o->body_length);
        memcpy(o->body + o->body_length, piece, n);
        o->body_length += n;
}

/* Feeds `n` bytes; returns false when the stream is broken. */
static bool feed(struct response_parser *p, struct outcome *o, const char *bytes, size_t n, bool to_head, struct response_memo *memo) {
        enum response_event event;
        unsigned int feeds = 0;

        do {
                size_t used, body;

                event = response_feed(p, bytes, n, &used, &body);
                assert_true(used <= n && body <= used);
                assert_true(++feeds < FEEDS_MAX); /* it gets on */
                if (event == RESPONSE_BODY)
                        collect(o, bytes + used - body, body);
                else
                        assert_int_equal(body, 0);
                bytes += used;
                n -= used;
                if (event == RESPONSE_BROKEN) {
                        assert_int_not_equal(p->fault, RESPONSE_GOOD);
                        o->fault = p->fault;
                        return false;
                }
                if (event == RESPONSE_MORE)
                        assert_int_equal(n, 0);
                if (event == RESPONSE_DONE) {
                        o->answers++;
                        o->status = p->head.status;
                        o->closes = p->head.closes;
                        response_begin(p, to_head, memo);
                }
        } while (n > 0 || event == RESPONSE_BODY);
        return true;
}

/* The stream in pieces of `first` bytes and then of `step` each. Every piece is a block of its own, so that reading beyond it is found. */
static struct outcome parse(const char *bytes, size_t n, size_t first, size_t step, bool to_head, struct response_memo *memo) {
        struct response_parser p;
        struct outcome o = { .answers = 0 };
        bool goes_on = true;

        response_begin(&p, to_head, memo);
        for (size_t at = 0, length = first; goes_on && at < n; at += length, length = step) {
                size_t piece = length < n - at ? length : n - at;
                char *copy = malloc(piece);

                assert_non_null(copy);
                memcpy(copy, bytes + at, piece);
                goes_on = feed(&p, &o, copy, piece, to_head, memo);
                free(copy);
        }
        o.at_close = goes_on && response_ends_here(&p);
        o.idle = goes_on && response_is_idle(&p);
        return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b) {
        assert_int_equal(a->answers, b->answers);
        assert_int_equal(a->fault != RESPONSE_GOOD, b->fault != RESPONSE_GOOD);
        assert_int_equal(a->status, b->status);
        assert_int_equal(a->closes, b->closes);
        assert_int_equal(a->at_close, b->at_close);
        assert_int_equal(a->idle, b->idle);
        assert_int_equal(a->body_length, b->body_length);
        assert_memory_equal(a->body, b->body, a->body_length);
}

/* Whole, cut once at every place, byte by byte, and with a memory of heads: all the same. */
static struct outcome parse_every_way(const char *bytes, size_t n, bool to_head) {
        static struct response_memo memo;
        struct outcome whole = parse(bytes, n, n, 1, to_head, NULL), other;

        for (size_t first = 1; first < n; first++) {
                other = parse(bytes, n, first, n, to_head, NULL);
                assert_same(&whole, &other);
        }
        other = parse(bytes, n, 1, 1, to_head, NULL);
        assert_same(&whole, &other);
        assert_int_equal(whole.fault, other.fault);
        memo.length = 0;
        for (int i = 0; i < 2; i++) { /* the second time it remembers */
                other = parse(bytes, n, n, 1, to_head, &memo);
                assert_same(&whole, &other);
                assert_int_equal(whole.fault, other.fault);
        }
        return whole;
}

#define OK "HTTP/1.1 200 OK\r\n"

static void good_answers(void **state) {
        static const struct {
                const char *bytes;
                size_t n;
                unsigned int answers;
                uint16_t status;
                const char *body;
                bool closes, at_close, idle, to_head;
        } cases[] = {
                { BYTES(OK "Content-Length: 5\r\n\r\nhello"), 1, 200, "hello", .idle = true },
                { BYTES(OK "content-length:5 \t\r\n\r\nhello"), 1, 200, "hello", .idle = true },
                { BYTES(OK "Content-Length: 0\r\n\r\n"), 1, 200, "", .idle = true },
                { BYTES("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), 1, 200, "", .idle = true },
                { BYTES(OK "Content-Length: 2\r\n\r\nab" OK "Content-Length: 2\r\n\r\ncd"), 2, 200, "abcd", .idle = true },
                { BYTES(OK "Content-Length: 3\r\nConnection: foo , Close\r\n\r\nabc"), 1, 200, "abc", .closes = true, .idle = true },
                { BYTES("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"), 1, 200, "abc", .closes = true, .idle = true },
                { BYTES("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc"), 1, 200, "abc", .idle = true },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n"), 1, 200, "abc0123456789", .idle = true },
                { BYTES(OK "transfer-encoding: CHUNKED\r\n\r\n1;a=\"b\"\r\nx\r\n1 ;c\r\ny\r\n000\r\nX-T: 1\r\n\r\n"), 1, 200, "xy", .idle = true },
                { BYTES(OK "\r\nuntil the end"), 0, 0, "until the end", .at_close = true },
                { BYTES("HTTP/1.1 204 No Content\r\n\r\n"), 1, 204, "", .idle = true },
                { BYTES("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n"), 1, 304, "", .idle = true },
                { BYTES(OK "Content-Length: 77\r\n\r\n"), 1, 200, "", .idle = true, .to_head = true },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n"), 1, 200, "", .idle = true, .to_head = true },
                { BYTES("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK "Content-Length: 1\r\n\r\nz"), 1, 200, "z", .idle = true },
                { BYTES("HTTP/1.1 503 Sorry\r\nContent-Length: 2\r\n\r\nno"), 1, 503, "no", .idle = true },
                { BYTES(OK "X-High: \xc3\xa4\xff\r\nContent-Length: 0\r\n\r\n"), 1, 200, "", .idle = true },
                { BYTES(OK "Content-Length: 4\r\n\r\nab"), 0, 0, "ab", .idle = false },
                { BYTES(OK "Content-Len"), 0, 0, "", .idle = false },
                { BYTES("HTT"), 0, 0, "", .idle = false },
                { BYTES(""), 0, 0, "", .idle = true },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct outcome o = parse_every_way(cases[i].bytes, cases[i].n, cases[i].to_head);

                if (o.fault != RESPONSE_GOOD || o.answers != cases[i].answers)
                        fail_msg("%s: %u answers, %s", cases[i].bytes, o.answers, response_fault_names[o.fault]);
                assert_int_equal(o.status, cases[i].status);
                assert_int_equal(o.closes, cases[i].closes);
                assert_int_equal(o.at_close, cases[i].at_close);
                assert_int_equal(o.idle, cases[i].idle);
                assert_int_equal(o.body_length, strlen(cases[i].body));
                assert_memory_equal(o.body, cases[i].body, o.body_length);
        }
}

static void bad_answers(void **state) {
        static const struct {
                const char *bytes;
                size_t n;
                enum response_fault fault;
        } cases[] = {
                { BYTES("HTTP/1.1 200\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1  200 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1 20 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1 600 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1 099 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1 +20 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.2 200 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/2.0 200 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("http/1.1 200 OK\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("\r\n" OK "\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1 200 OK\n\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1 200 O\0K\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), RESPONSE_BAD_STATUS_LINE },
                { BYTES("rubbish"), RESPONSE_BAD_STATUS_LINE },
                { BYTES(OK "Content-Length: 2\r\n\r\nabc" OK), RESPONSE_BAD_STATUS_LINE },
                { BYTES(OK "no colon\r\n\r\n"), RESPONSE_BAD_HEADER },
                { BYTES(OK ": empty\r\n\r\n"), RESPONSE_BAD_HEADER },
                { BYTES(OK "X-A : b\r\n\r\n"), RESPONSE_BAD_HEADER },
                { BYTES(OK "X-A: b\r\n folded\r\n\r\n"), RESPONSE_BAD_HEADER },
                { BYTES(OK "X-A: b\n\r\n"), RESPONSE_BAD_HEADER },
                { BYTES(OK "X-A: b\r\r\n\r\n"), RESPONSE_BAD_HEADER },
                { BYTES(OK "X-A: b\0c\r\n\r\n"), RESPONSE_BAD_HEADER },
                { BYTES(OK "Content-Length: 2\r\n\nab"), RESPONSE_BAD_HEADER },
                { BYTES(OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Content-Length: 2, 2\r\n\r\nab"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Content-Length: +2\r\n\r\nab"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Content-Length:\r\n\r\n"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Content-Length: 18446744073709551616\r\n\r\n"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"), RESPONSE_BAD_LENGTH },
                { BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), RESPONSE_BAD_LENGTH },
                { BYTES("HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nab"), RESPONSE_BAD_LENGTH },
                { BYTES("HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nab"), RESPONSE_BAD_LENGTH },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\nx\r\n"), RESPONSE_BAD_CHUNK },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n\r\n"), RESPONSE_BAD_CHUNK },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n"), RESPONSE_BAD_CHUNK },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n"), RESPONSE_BAD_CHUNK },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n"), RESPONSE_BAD_CHUNK },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n"), RESPONSE_BAD_CHUNK },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), RESPONSE_BAD_CHUNK },
                { BYTES(OK "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n"), RESPONSE_BAD_LENGTH },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                struct outcome o = parse_every_way(cases[i].bytes, cases[i].n, false);

                if (o.fault != cases[i].fault)
                        fail_msg("%s: %s, and not %s", cases[i].bytes, response_fault_names[o.fault], response_fault_names[cases[i].fault]);
        }
}

static void heads_have_a_limit(void **state) {
        static const char length[] = "X-Long: ";
        size_t n = sizeof OK - 1 + RESPONSE_HEAD_MAX * 2;
        char *bytes = malloc(n);

        (void)state;
        assert_non_null(bytes);
        memset(bytes, 'x', n);
        memcpy(bytes, OK, sizeof OK - 1);
        memcpy(bytes + sizeof OK - 1, length, sizeof length - 1);
        assert_int_equal(parse(bytes, n, n, n, false, NULL).fault, RESPONSE_TOO_LARGE); /* one line */
        assert_int_equal(parse(bytes, n, 1000, 1000, false, NULL).fault, RESPONSE_TOO_LARGE);
        for (size_t at = sizeof OK - 1; at + 100 <= n; at += 100) /* many lines */
                memcpy(bytes + at, "X-Y: 012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012\r\n", 100);
        assert_int_equal(parse(bytes, n, n, n, false, NULL).fault, RESPONSE_TOO_LARGE);
        assert_int_equal(parse(bytes, n, 777, 777, false, NULL).fault, RESPONSE_TOO_LARGE);
        free(bytes);
}

/* A head that was remembered is not taken for one that begins alike. */
static void the_memory_of_heads_is_exact(void **state) {
        static const char first[] = OK "Content-Length: 1\r\n\r\na", second[] = OK "Content-Length: 12\r\n\r\nabcdefghijkl";
        static struct response_memo memo;
        struct outcome o;

        (void)state;
        o = parse(BYTES(first), sizeof first - 1, 1, false, &memo);
        assert_int_equal(o.body_length, 1);
        assert_int_equal(memo.length, sizeof first - 2);
        o = parse(BYTES(second), sizeof second - 1, 1, false, &memo);
        assert_int_equal(o.body_length, 12);
        assert_int_equal(memo.length, sizeof second - 13);
        o = parse(BYTES(first), 10, 100, false, &memo); /* in pieces: not remembered */
        assert_int_equal(o.body_length, 1);
        assert_int_equal(memo.length, sizeof second - 13);
}

/* Good answers with bytes changed, taken out or put in: whatever that makes of them, it is the same however it is cut. */
static void damage_is_judged_alike_in_any_pieces(void **state) {
        static const char *const seeds[] = {
                OK "Content-Length: 5\r\n\r\nhello" OK "Content-Length: 2\r\n\r\nab",
                OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A;x\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n" OK "\r\nrest",
                "HTTP/1.1 100 Go\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
        };
        static const char alphabet[] = "\r\n\0 :;0129aFx\t\x7f\xff";
        unsigned int random = 20261128, broken = 0, good = 0;

        (void)state;
        for (unsigned int round = 0; round < 30000; round++) {
                const char *seed = seeds[round % ELEMENTS(seeds)];
                size_t n = strlen(seed), at;
                char bytes[512];
                struct outcome whole, cut;

                memcpy(bytes, seed, n);
                for (unsigned int changes = 1 + (unsigned int)rand_r(&random) % 3; changes > 0; changes--) {
                        at = (size_t)rand_r(&random) % n;
                        if (rand_r(&random) % 3 == 0) {
                                memmove(bytes + at, bytes + at + 1, n - at - 1);
                                n--;
                        } else {
                                bytes[at] = alphabet[(size_t)rand_r(&random) % (sizeof alphabet - 1)];
                        }
                }
                whole = parse(bytes, n, n, n, false, NULL);
                cut = parse(bytes, n, 1 + (size_t)rand_r(&random) % n, 1 + (size_t)rand_r(&random) % 40, false, NULL);
                assert_same(&whole, &cut);
                broken += whole.fault != RESPONSE_GOOD;
                good += whole.fault == RESPONSE_GOOD;
        }
        assert_true(broken > 1000 && good > 1000); /* the test has seen both */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_answers),
                cmocka_unit_test(bad_answers),
                cmocka_unit_test(heads_have_a_limit),
                cmocka_unit_test(the_memory_of_heads_is_exact),
                cmocka_unit_test(damage_is_judged_alike_in_any_pieces),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
