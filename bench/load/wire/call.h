/* Requests as calls of MessagePack-RPC: the same targets, whose path names the method and whose query its parameters, and the answers. Pure. */
#ifndef RESTMARK_LOAD_WIRE_CALL_H
#define RESTMARK_LOAD_WIRE_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/request.h"
#include "wire/response.h"

/* Makes the literal bytes of `r`, whose target is set: "/" is the method welcome, "/record/7" is record with id=7, "/million-loop?n=5&seed={seed:0-9}" is
 * million-loop. `body` goes in a parameter of that name, if not NULL. Returns 0, or a negative errno value with a sentence. */
int call_compile(struct request *r, const char *body, size_t body_length, struct error *e);

/* Writes the id into a call that was rendered. */
void call_set_id(char *bytes, uint32_t id);

/* A random number in a call. Returns its length. */
size_t call_render_number(uint64_t number, char *out);

enum { CALL_NUMBER_BYTES = 9 };

/* A strict parser of answers, which come in any order: [1, id, nil, str], or [1, id, [status, str], nil]. */
struct answer_parser {
        unsigned int at;      /* which part is next */
        unsigned int want;    /* bytes of a number that are to come */
        uint64_t number, left;
        uint32_t id;          /* known from the first piece of the body on */
        uint16_t status;      /* 200, or what the error says */
};

void answer_begin(struct answer_parser *p);

/* As response_feed(). A body is that of a result; RESPONSE_BROKEN has no finer reason. */
enum response_event answer_feed(struct answer_parser *p, const char *bytes, size_t n, size_t *ret_used, size_t *ret_body);

/* Whether nothing of an answer has come yet. */
static inline bool answer_is_idle(const struct answer_parser *p) {
        return p->at == 0;
}

#endif
