#include "gate/bodies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 1024 };

int bodies_begin(struct bodies *b) {
        b->coming = calloc(1, sizeof *b->coming);
        return b->coming ? 0 : -ENOMEM;
}

/* Twice as much each time, but not more than may come, nor than there is left. */
static int grow(struct body *body, struct body_memory *memory, size_t wanted, uint64_t max_bytes) {
        const uint64_t left = memory->max_bytes - memory->used_bytes;
        uint64_t capacity = body->capacity > 0 ? body->capacity : FIRST_BYTES;
        char *larger;

        while (capacity < wanted)
                capacity *= 2;
        if (capacity > max_bytes)
                capacity = max_bytes;
        if (capacity - body->capacity > left)
                capacity = body->capacity + left;
        if (capacity < wanted)
                return -ENOBUFS;
        larger = realloc(body->bytes, (size_t)capacity);
        if (!larger)
                return -ENOMEM;
        memory->used_bytes += capacity - body->capacity;
        body->bytes = larger;
        body->capacity = (size_t)capacity;
        return 0;
}

int bodies_append(struct bodies *b, struct body_memory *memory, const char *bytes, size_t n, uint64_t max_bytes) {
        struct body *body = b->coming;
        int r;

        if (body->length + n > body->capacity) {
                r = grow(body, memory, body->length + n, max_bytes);
                if (r < 0)
                        return r;
        }
        memcpy(body->bytes + body->length, bytes, n);
        body->length += n;
        return 0;
}

void bodies_end(struct bodies *b, size_t ahead) {
        b->coming->ahead = ahead;
        if (b->first)
                b->last->next = b->coming;
        else
                b->first = b->coming;
        b->last = b->coming;
        b->coming = NULL;
}

struct body *bodies_current(const struct bodies *b) {
        return b->first && b->first->ahead == 0 ? b->first : NULL;
}

static void drop(struct body_memory *memory, struct body *body) {
        memory->used_bytes -= body->capacity;
        free(body->bytes);
        free(body);
}

void bodies_drop_current(struct bodies *b, struct body_memory *memory) {
        struct body *body = bodies_current(b);

        if (!body)
                return;
        b->first = body->next;
        drop(memory, body);
}

void bodies_finish(struct bodies *b, struct body_memory *memory) {
        bodies_drop_current(b, memory);
        for (struct body *body = b->first; body; body = body->next)
                body->ahead--;
}

void bodies_drop_coming(struct bodies *b, struct body_memory *memory) {
        if (b->coming)
                drop(memory, b->coming);
        b->coming = NULL;
}

void bodies_drop_all(struct bodies *b, struct body_memory *memory) {
        while (b->first) {
                struct body *body = b->first;

                b->first = body->next;
                drop(memory, body);
        }
        bodies_drop_coming(b, memory);
}
