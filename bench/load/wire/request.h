/* The requests of a run: what is sent for each target, with random numbers in it or without, and which target is whose turn. */
#ifndef RESTMARK_LOAD_WIRE_REQUEST_H
#define RESTMARK_LOAD_WIRE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { REQUEST_TARGETS_MAX = 64, REQUEST_PARAMETERS_MAX = 8, REQUEST_TARGET_BYTES_MAX = 4096 };

/* What all requests have in common. */
struct request_style {
        const char *method, *host;
        const char *const *headers; /* "Name: value", checked by request_check_header() */
        size_t n_headers;
        const char *body; /* with a Content-Length, if not NULL */
        size_t body_length;
        bool is_call; /* of MessagePack-RPC, see wire/call.h: has a body, and nothing of the others */
};

/* A random whole number, and the literal bytes before it. */
struct request_parameter {
        size_t offset, length;
        uint64_t low, high;
};

/* One target with the bytes of its requests. */
struct request {
        char *target; /* as it was given */
        uint64_t weight;
        char *literal; /* all bytes but the numbers */
        size_t literal_length;
        struct request_parameter parameters[REQUEST_PARAMETERS_MAX];
        size_t n_parameters;
};

/* Targets with weights. */
struct request_mix {
        struct request *requests;
        size_t n;
        uint64_t total_weight;
        size_t bytes_max; /* of the longest request */
        bool to_head;     /* the method is HEAD */
        bool is_call;
        uint64_t seed;
};

/* A target as it was given, and its weight. */
struct request_wish {
        char target[REQUEST_TARGET_BYTES_MAX];
        uint64_t weight;
};

/* Whether a method, or "Name: value", may be sent as it is. Return 0, or -EINVAL with a sentence. */
int request_check_method(const char *method, struct error *e);
int request_check_header(const char *header, struct error *e);

/* A target without any weight in its text. Returns 0, or -EINVAL with a sentence. */
int request_wish_make(const char *target, uint64_t weight, struct request_wish *ret, struct error *e);

/* Reads TARGET=WEIGHT; without a weight it is 1. Returns 0, or -EINVAL with a sentence. */
int request_wish_parse(const char *text, struct request_wish *ret, struct error *e);

/* Reads lines of "WEIGHT TARGET" (with empty lines and comments, "#"), at most `capacity` wishes. Returns their number, or a negative errno
 * value with a sentence that names file and line. */
int request_wishes_read(const char *path, struct request_wish *wishes, size_t capacity, struct error *e);

/* Reads a random number, {NAME:LOW-HIGH}: `n` bytes between the braces, of `target`. Returns 0, or -EINVAL with a sentence. */
int request_parse_range(const char *target, const char *text, size_t n, struct request_parameter *ret, struct error *e);

/* Makes the mix; free it with request_mix_free(), also if this failed. Returns 0, or a negative errno value with a sentence. */
int request_mix_make(struct request_mix *m, const struct request_wish *wishes, size_t n, const struct request_style *style, uint64_t seed,
                     struct error *e);
void request_mix_free(struct request_mix *m);

/* Which target request number `k` of the run has. */
size_t request_choose(const struct request_mix *m, uint64_t k);

/* Writes request number `k` to `out`, which has room for `bytes_max`. Returns its length. */
size_t request_render(const struct request_mix *m, size_t target, uint64_t k, char *out);

#endif
