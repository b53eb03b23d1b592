/* Pieces of far.c by the time when they are due: a heap. */
#ifndef RESTMARK_STUDY_FAR_PIECES_H
#define RESTMARK_STUDY_FAR_PIECES_H

#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct end;

/* Bytes on their way; none: the end of that direction. */
struct piece {
        int64_t due_ns;
        uint64_t number; /* so that what is due at the same time stays in order */
        struct end *from;
        size_t n;
        char bytes[];
};

static struct piece **heap;
static size_t n_heap, room_heap;

/* realloc() that ends the program when there is no memory. */
static void *grow(void *memory, size_t bytes) {
        void *more = realloc(memory, bytes);

        if (!more)
                err(EXIT_FAILURE, "%zu bytes", bytes);
        return more;
}

static bool before(const struct piece *a, const struct piece *b) {
        return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->number < b->number);
}

static void push(struct piece *p) {
        size_t i = n_heap++;

        if (n_heap > room_heap) {
                room_heap = room_heap ? 2 * room_heap : 1024;
                heap = grow(heap, room_heap * sizeof *heap);
        }
        for (; i > 0 && before(p, heap[(i - 1) / 2]); i = (i - 1) / 2)
                heap[i] = heap[(i - 1) / 2];
        heap[i] = p;
}

static struct piece *pop(void) {
        struct piece *first = heap[0], *last = heap[--n_heap];
        size_t i = 0, child;

        while ((child = 2 * i + 1) < n_heap) {
                if (child + 1 < n_heap && before(heap[child + 1], heap[child]))
                        child++;
                if (!before(heap[child], last))
                        break;
                heap[i] = heap[child];
                i = child;
        }
        if (n_heap > 0)
                heap[i] = last;
        return first;
}

#endif
