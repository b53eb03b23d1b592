/* The gate: a strict HTTP/1.1 request parser (RFC 9112) that sees every byte from outside before libmicrohttpd does. It says where
 * requests, their bodies and trailers end, refuses what is ambiguous, malformed or too large, and writes the heads that it has let pass in
 * a form of few bytes, the only one that the library ever gets to see: method, version and whether the connection goes on. What else matters of
 * a request the owner gets from here.
 *
 * Pure: bytes in, verdict and position out. The verdict does not depend on how the bytes come in pieces. */
#ifndef RESTMARK_GATE_GATE_H
#define RESTMARK_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        GATE_ARGUMENTS_MAX = 16,  /* in a query */
        GATE_BLANK_LINES_MAX = 8, /* before a request line */
        GATE_WRITTEN_MAX = 64     /* bytes of a head for the library */
};

struct gate_limits {
        uint32_t head_bytes; /* request line and fields with their line ends; the trailer counts anew, and so do all chunk lines together */
        uint64_t body_bytes; /* of a body that nobody wants */
        uint64_t wanted_body_bytes; /* of one that somebody does */
        /* Which that is, told by the request line; NULL: none is. */
        bool (*wants_body)(const char *method, size_t method_length, const char *target, size_t target_length);
        bool keeps_fields; /* the values of Host and Accept are wanted */
};

enum gate_verdict {
        GATE_MORE,   /* nothing is wrong so far */
        GATE_HEAD,   /* the head is whole */
        GATE_END,    /* so is its body, if there is one */
        GATE_REFUSED /* see `refusal`; nothing more can be taken */
};

enum gate_phase { GATE_LINE, GATE_FIELDS, GATE_LENGTH, GATE_CHUNKS, GATE_TRAILER };

/* Within a chunked body. */
enum gate_chunk { CHUNK_SIZE, CHUNK_SPACE, CHUNK_EXTENSION, CHUNK_LF, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF };

/* Why something was refused, where no answer is due. */
enum gate_silence { GATE_ANSWERABLE, GATE_TLS, GATE_BINARY };

struct gate_refusal {
        enum gate_silence silence;
        unsigned int status; /* of the answer */
        const char *detail;  /* a sentence for the person at the client, for ever valid */
};

/* Bytes of the head. */
struct gate_span {
        uint32_t at, length;
};

/* Whether the request has a condition: an If-Match that "*" is not all of, and which nothing here fulfils; or else an If-None-Match that is "*". */
enum gate_condition { GATE_UNCONDITIONAL, GATE_IF_MATCH, GATE_IF_NONE_MATCH };

struct gate {
        const struct gate_limits *limits;
        struct gate_refusal refusal;
        /* the request line */
        enum gate_phase phase;
        uint32_t line, looked_at; /* of the head or trailer: where the line begins that is not whole yet, and up to where it is known */
        struct gate_span method, target; /* nothing in them before the request line is whole */
        unsigned int blank_lines;
        bool is_head, is_1_0;
        /* the fields */
        bool closes, keeps_alive;                /* as the client wants it */
        bool expects_continue;
        bool is_chunked, is_wanted; /* the body */
        uint8_t n_hosts, n_lengths, n_codings;   /* two stand for more */
        enum gate_condition condition;
        struct gate_span host, accept; /* values, if they are wanted */
        uint64_t length;                         /* of the body as announced */
        /* the body */
        enum gate_chunk chunk;
        unsigned int chunk_digits;
        uint64_t left;       /* bytes of the body or of the chunk that are still to come */
        uint64_t body_bytes; /* that have been announced by chunks */
        uint32_t chunk_line_bytes;
        struct gate_span data; /* of a body that is wanted: what of it is among the bytes that were taken last */
};

/* For the first request of a connection; `limits` must live longer. */
void gate_init(struct gate *g, const struct gate_limits *limits);

/* Looks at `bytes`: all that is known of the connection from the first byte on that is not used. *ret_used of them have been dealt with and
 * must not be shown again. Of a head or trailer nothing is used before it is whole. Of a body
 * that is wanted no more is used at a time than what lies together in it, see `data`. */
enum gate_verdict gate_take(struct gate *g, const char *bytes, size_t length, size_t *ret_used);

/* After GATE_HEAD: whether a body follows; then gate_take() goes on up to GATE_END. */
bool gate_has_body(const struct gate *g);

/* The largest body that this request may have, in bytes. */
static inline uint64_t gate_body_max(const struct gate *g) {
        return g->is_wanted ? g->limits->wanted_body_bytes : g->limits->body_bytes;
}

/* Nobody can take the body, for the reason given; from now on the request is refused. `detail` is a literal. */
void gate_give_up(struct gate *g, unsigned int status, const char *detail);

/* After GATE_HEAD: whether the connection ends with this request. */
bool gate_is_last(const struct gate *g);

/* At once after GATE_HEAD: writes the head (`head`, as it was taken) in the library's form to `out`, which may overlap it from before. That is
 * never longer, nor longer than GATE_WRITTEN_MAX bytes. The method stays where it is in it, all else is gone. Returns its length. */
size_t gate_write(const struct gate *g, const char *head, char *out);

/* After a whole request: begins the next one. */
void gate_next(struct gate *g);

#endif
