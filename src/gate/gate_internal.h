/* What the files of the parser share. Their functions return GATE_MORE if nothing is wrong. */
#ifndef RESTMARK_GATE_GATE_INTERNAL_H
#define RESTMARK_GATE_GATE_INTERNAL_H

#include "gate/gate.h"

#define UNKNOWN_METHOD "This server does not know the method."

/* `detail` is a literal. Returns GATE_REFUSED. */
static inline enum gate_verdict gate_refuse(struct gate *g, unsigned int status, const char *detail) {
        g->refusal = (struct gate_refusal){ .status = status, .detail = detail };
        return GATE_REFUSED;
}

/* In line.c: takes a request line, without its end. */
enum gate_verdict line_take(struct gate *g, const char *line, size_t length);

/* In field.c: takes a field line of the head or trailer: `length` bytes at `at`, without the line's end. */
enum gate_verdict field_take(struct gate *g, const char *head, size_t at, size_t length);

/* In field.c: what all fields are together, at the head's end. */
enum gate_verdict field_check_all(struct gate *g, const char *head);

/* In body.c: takes as much of the body as there is. It ends with GATE_END, or, if it is chunked, in the phase GATE_TRAILER. */
enum gate_verdict body_take(struct gate *g, const char *bytes, size_t length, size_t *ret_used);

#endif
