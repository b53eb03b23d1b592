/* What the owner may want to know of the requests of one connection that have passed the gate and are not finished: the library is told
 * nothing of it. First in, first out. Single-threaded. */
#ifndef RESTMARK_GATE_SERVED_H
#define RESTMARK_GATE_SERVED_H

#include <stddef.h>

#include "gate/gate.h"

/* Texts as the client sent them, NUL-terminated. Those of fields are empty if nobody wants them (gate_limits); `host` is NULL without a Host field. */
struct served_request {
        const char *target, *host, *accept;
        size_t target_length;
        enum gate_condition condition;
};

/* All zero at first. */
struct served {
        char *memory;
        size_t begin, end, capacity; /* bytes */
};

/* At once after GATE_HEAD, `head` being as it was taken. Returns 0 or -ENOMEM. */
int served_add(struct served *s, const struct gate *g, const char *head);

/* The first one, and the last one; there must be one. What they point to holds until something is added or removed. */
struct served_request served_first(const struct served *s);
struct served_request served_last(const struct served *s);

/* Forgets the first one, if there is one. */
void served_remove(struct served *s);

void served_deinit(struct served *s);

#endif
