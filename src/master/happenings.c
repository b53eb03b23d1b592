#include "master/happenings.h"

#include <stdlib.h>

#include "base/log.h"

static void grow(struct happenings *h) {
        size_t capacity = h->capacity == 0 ? 64 : 2 * h->capacity;
        struct happening *list = calloc(capacity, sizeof *list);

        if (!list) {
                log_message(LOG_CRIT, "there is no memory to remember what has happened");
                abort();
        }
        for (size_t i = 0; i < h->n; i++)
                list[i] = h->list[(h->first + i) % h->capacity];
        free(h->list);
        *h = (struct happenings){ .list = list, .n = h->n, .capacity = capacity };
}

void happenings_push(struct happenings *h, struct happening happening) {
        if (h->n == h->capacity)
                grow(h);
        h->list[(h->first + h->n++) % h->capacity] = happening;
}

bool happenings_pop(struct happenings *h, struct happening *ret) {
        if (h->n == 0)
                return false;
        *ret = h->list[h->first];
        h->first = --h->n == 0 ? 0 : (h->first + 1) % h->capacity;
        return true;
}

void happenings_free(struct happenings *h) {
        free(h->list);
        *h = (struct happenings){ .list = NULL };
}
