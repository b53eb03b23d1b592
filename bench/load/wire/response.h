/* A strict parser of HTTP/1.1 responses: bytes in, pieces of bodies and ends of answers out. Pure: it neither reads nor allocates. What
 * RFC 9112 lets a recipient tolerate (bare line feeds, folded lines, lengths that are given twice) is an error here, because it counts
 * what a server really sent. */
#ifndef RESTMARK_LOAD_WIRE_RESPONSE_H
#define RESTMARK_LOAD_WIRE_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        RESPONSE_LINE_MAX = 8192,  /* bytes of a line of the head, with its end */
        RESPONSE_HEAD_MAX = 65536, /* of all lines of an answer that are not its body, without those of chunks' sizes */
        RESPONSE_MEMO_MAX = 512,
};

enum response_fault {
        RESPONSE_GOOD,
        RESPONSE_BAD_STATUS_LINE,
        RESPONSE_BAD_HEADER,
        RESPONSE_BAD_LENGTH, /* how long the body is: contradictory, malformed or twice */
        RESPONSE_BAD_CHUNK,
        RESPONSE_TOO_LARGE, /* the head */
        RESPONSE_FAULTS,
};

enum response_event {
        RESPONSE_MORE, /* all bytes are used, the answer goes on */
        RESPONSE_BODY, /* a piece of the body is at hand */
        RESPONSE_DONE, /* the answer has ended */
        RESPONSE_BROKEN, /* see `fault`; the connection is of no more use */
};

enum response_state {
        RESPONSE_AT_STATUS,
        RESPONSE_AT_HEADERS,
        RESPONSE_AT_LENGTH,     /* `left` bytes of body */
        RESPONSE_AT_CLOSE,      /* body up to the end of the connection */
        RESPONSE_AT_CHUNK_SIZE,
        RESPONSE_AT_CHUNK,      /* `left` bytes of it */
        RESPONSE_AT_CHUNK_END,
        RESPONSE_AT_TRAILERS,
        RESPONSE_AT_END,
};

/* What the head has said. */
struct response_head {
        uint16_t status;
        bool closes;  /* the connection ends behind this answer */
        bool chunked;
        bool has_length;
        bool old; /* HTTP/1.0 */
        uint64_t length;
};

/* The last head that came in one piece and what it meant: servers send the same one again and again, and comparing is cheaper than
 * parsing. May be shared by all parsers of a thread. */
struct response_memo {
        size_t length; /* 0: nothing is remembered */
        struct response_head head;
        char bytes[RESPONSE_MEMO_MAX];
};

struct response_parser {
        enum response_state state;
        enum response_fault fault;
        bool to_head; /* the request was HEAD: no body follows */
        struct response_head head;
        uint64_t left;
        uint32_t head_bytes;
        uint32_t partial; /* bytes of an unfinished line in `line` */
        struct response_memo *memo;
        char line[RESPONSE_LINE_MAX];
};

/* Before the first answer of a connection, and again after each RESPONSE_DONE. `memo` may be NULL. */
void response_begin(struct response_parser *p, bool to_head, struct response_memo *memo);

/* Reads up to `n` bytes (0 after the last piece of a body: that is what ends an answer). Always says in `*ret_used` how many it took; for
 * RESPONSE_BODY the piece is the last `*ret_body` of them. */
enum response_event response_feed(struct response_parser *p, const char *bytes, size_t n, size_t *ret_used, size_t *ret_body);

/* The connection has ended: whether that is how the answer under way was to end. */
static inline bool response_ends_here(const struct response_parser *p) {
        return p->state == RESPONSE_AT_CLOSE;
}

/* Whether nothing of an answer has come yet. */
static inline bool response_is_idle(const struct response_parser *p) {
        return p->state == RESPONSE_AT_STATUS && p->partial == 0 && p->head_bytes == 0;
}

/* "malformed-chunk" and the like, for people and JSON. */
extern const char *const response_fault_names[RESPONSE_FAULTS];

#endif
