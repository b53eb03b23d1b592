#include "gate/served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
        FIRST_BYTES = 112, /* enough for most requests */
        KEPT_BYTES = 512,  /* a larger memory is given back when it is empty */
};

/* Before the texts of each; `size` is that of the whole, and stands behind the texts again. */
struct entry {
        uint32_t size, target_length, host_length;
        enum gate_condition condition;
        bool has_host;
};

static int make_room(struct served *s, size_t wanted) {
        size_t used = s->end - s->begin, capacity = s->capacity > 0 ? s->capacity : FIRST_BYTES;
        char *larger;

        if (s->begin > 0)
                memmove(s->memory, s->memory + s->begin, used);
        s->begin = 0;
        s->end = used;
        while (capacity < used + wanted)
                capacity *= 2;
        if (capacity == s->capacity)
                return 0;
        larger = realloc(s->memory, capacity);
        if (!larger)
                return -ENOMEM;
        s->memory = larger;
        s->capacity = capacity;
        return 0;
}

static char *append(char *at, const char *text, size_t length) {
        memcpy(at, text, length);
        at[length] = '\0';
        return at + length + 1;
}

int served_add(struct served *s, const struct gate *g, const char *head) {
        struct entry entry = { .target_length = g->target.length, .host_length = g->host.length, .condition = g->condition,
                               .has_host = g->n_hosts > 0 };
        size_t size = sizeof entry + g->target.length + g->host.length + g->accept.length + 3 + sizeof entry.size;
        char *at;

        entry.size = (uint32_t)size;
        if (size > s->capacity - s->end && make_room(s, size) < 0)
                return -ENOMEM;
        at = s->memory + s->end;
        memcpy(at, &entry, sizeof entry);
        at = append(at + sizeof entry, head + g->target.at, g->target.length);
        at = append(at, head + g->host.at, g->host.length);
        at = append(at, head + g->accept.at, g->accept.length);
        memcpy(at, &entry.size, sizeof entry.size);
        s->end += size;
        return 0;
}

static struct served_request read_entry(const char *at) {
        struct entry entry;
        const char *target = at + sizeof entry;

        memcpy(&entry, at, sizeof entry); /* it may lie at any address */
        return (struct served_request){ .target = target,
                                        .target_length = entry.target_length,
                                        .host = entry.has_host ? target + entry.target_length + 1 : NULL,
                                        .accept = target + entry.target_length + 1 + entry.host_length + 1,
                                        .condition = entry.condition };
}

struct served_request served_first(const struct served *s) {
        return read_entry(s->memory + s->begin);
}

struct served_request served_last(const struct served *s) {
        uint32_t size;

        memcpy(&size, s->memory + s->end - sizeof size, sizeof size);
        return read_entry(s->memory + s->end - size);
}

void served_remove(struct served *s) {
        uint32_t size;

        if (s->begin == s->end)
                return;
        memcpy(&size, s->memory + s->begin + offsetof(struct entry, size), sizeof size);
        s->begin += size;
        if (s->begin < s->end)
                return;
        s->begin = s->end = 0;
        if (s->capacity > KEPT_BYTES)
                served_deinit(s);
}

void served_deinit(struct served *s) {
        free(s->memory);
        *s = (struct served){ .memory = NULL };
}
