#include "fleet/happening.h"

#include <stdlib.h>
#include <string.h>

/* Twice as much, as there is no other way to go on. */
static void grow(struct happenings *h) {
        size_t capacity = h->capacity == 0 ? 64 : 2 * h->capacity;
        struct happening *list = calloc(capacity, sizeof *list);

        if (!list)
                abort();
        for (size_t i = 0; i < h->n; i++)
                list[i] = h->list[(h->first + i) % h->capacity];
        free(h->list);
        *h = (struct happenings){ .list = list, .n = h->n, .capacity = capacity };
}

void happenings_push(struct happenings *h, const struct happening *happening) {
        struct happening *last;

        if (h->n == h->capacity)
                grow(h);
        last = &h->list[(h->first + h->n++) % h->capacity];
        *last = *happening;
        if (happening->text && !(last->text = strdup(happening->text)))
                abort();
}

bool happenings_pop(struct happenings *h, struct happening *ret) {
        if (h->n == 0)
                return false;
        *ret = h->list[h->first];
        h->first = --h->n == 0 ? 0 : (h->first + 1) % h->capacity;
        return true;
}

void happening_release(struct happening *happening) {
        free(happening->text);
        happening->text = NULL;
}

void happenings_free(struct happenings *h) {
        struct happening left;

        while (happenings_pop(h, &left))
                happening_release(&left);
        free(h->list);
        *h = (struct happenings){ .list = NULL };
}
