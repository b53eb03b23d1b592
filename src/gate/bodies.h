/* Bodies that somebody wants, from when they come in until they have been used: of one connection a queue, of all connections of a process
 * together so many bytes at most. (A connection runs ahead of its answers by no more than what is read in one turn.) Memory is taken as bytes
 * come, not as they are announced: a client holds what it has sent, or up to twice that. */
#ifndef RESTMARK_GATE_BODIES_H
#define RESTMARK_GATE_BODIES_H

#include <stddef.h>
#include <stdint.h>

struct body {
        struct body *next;
        size_t ahead; /* unfinished requests of the connection before the one that it belongs to */
        size_t length, capacity;
        char *bytes;
};

/* What all bodies of a process share. */
struct body_memory {
        uint64_t used_bytes, max_bytes;
};

struct bodies {
        struct body *first, *last; /* whole ones, in the order of their requests */
        struct body *coming;       /* NULL: none is */
};

/* One begins to come in. Returns 0 or -ENOMEM. */
int bodies_begin(struct bodies *b);

/* More of it; it will have no more than `max_bytes` in all. Returns 0, or -ENOBUFS if the process has taken all that it may; -ENOMEM. */
int bodies_append(struct bodies *b, struct body_memory *memory, const char *bytes, size_t n, uint64_t max_bytes);

/* It is whole, with so many unfinished requests ahead. */
void bodies_end(struct bodies *b, size_t ahead);

/* The body of the request that is the next to be finished; NULL if it has none. */
struct body *bodies_current(const struct bodies *b);

/* It is not wanted any more. Nothing happens if there is none. */
void bodies_drop_current(struct bodies *b, struct body_memory *memory);

/* That request is finished. */
void bodies_finish(struct bodies *b, struct body_memory *memory);

/* What has come of the one that comes in goes; nothing happens if none does. */
void bodies_drop_coming(struct bodies *b, struct body_memory *memory);

void bodies_drop_all(struct bodies *b, struct body_memory *memory);

#endif
