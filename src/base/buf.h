/* A byte buffer over memory that the caller owns: it never grows. Appending past the capacity writes nothing and sets
 * `overflow`, so that a writer may append many times and check once at the end. */
#ifndef RESTMARK_BASE_BUF_H
#define RESTMARK_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
        char *data;
        size_t length;   /* bytes written */
        size_t capacity; /* bytes of `data` */
        bool overflow;   /* something did not fit; `length` is then the last good state */
};

static inline struct buf buf_over(char *memory, size_t capacity) {
        return (struct buf){ .data = memory, .capacity = capacity };
}

static inline size_t buf_room(const struct buf *b) {
        return b->capacity - b->length;
}

static inline void buf_append(struct buf *b, const void *bytes, size_t n) {
        if (n > buf_room(b)) {
                b->overflow = true;
                return;
        }
        memcpy(b->data + b->length, bytes, n);
        b->length += n;
}

/* Appends a number in decimal digits. */
void buf_number(struct buf *b, uint64_t number);

/* All or nothing, without the terminating NUL. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
