#include "rpc/scan.h"

#include <stdbool.h>

/* What the header of a value says. */
struct header {
        unsigned int length_bytes; /* of the number behind the first byte that says how much follows */
        uint64_t fixed;            /* bytes behind that, or for a container and a string of the short forms what follows */
        enum { PLAIN, SIZED, ARRAY, MAP } kind; /* SIZED: as many bytes as the number says, and `fixed` more */
};

/* github.com/msgpack/msgpack, spec.md, "Formats". Returns whether it is a header. */
static bool read_first(uint8_t byte, struct header *h) {
        static const struct header others[] = {
                [0xc0 - 0xc0] = { 0, 0, PLAIN }, /* nil; 0xc1 is refused */
                [0xc2 - 0xc0] = { 0, 0, PLAIN }, [0xc3 - 0xc0] = { 0, 0, PLAIN },                                  /* boolean */
                [0xc4 - 0xc0] = { 1, 0, SIZED }, [0xc5 - 0xc0] = { 2, 0, SIZED }, [0xc6 - 0xc0] = { 4, 0, SIZED }, /* bin */
                [0xc7 - 0xc0] = { 1, 1, SIZED }, [0xc8 - 0xc0] = { 2, 1, SIZED }, [0xc9 - 0xc0] = { 4, 1, SIZED }, /* ext */
                [0xca - 0xc0] = { 0, 4, PLAIN }, [0xcb - 0xc0] = { 0, 8, PLAIN },                                  /* float */
                [0xcc - 0xc0] = { 0, 1, PLAIN }, [0xcd - 0xc0] = { 0, 2, PLAIN }, [0xce - 0xc0] = { 0, 4, PLAIN }, [0xcf - 0xc0] = { 0, 8, PLAIN },
                [0xd0 - 0xc0] = { 0, 1, PLAIN }, [0xd1 - 0xc0] = { 0, 2, PLAIN }, [0xd2 - 0xc0] = { 0, 4, PLAIN }, [0xd3 - 0xc0] = { 0, 8, PLAIN },
                [0xd4 - 0xc0] = { 0, 2, PLAIN }, [0xd5 - 0xc0] = { 0, 3, PLAIN }, [0xd6 - 0xc0] = { 0, 5, PLAIN }, /* fixext */
                [0xd7 - 0xc0] = { 0, 9, PLAIN }, [0xd8 - 0xc0] = { 0, 17, PLAIN },
                [0xd9 - 0xc0] = { 1, 0, SIZED }, [0xda - 0xc0] = { 2, 0, SIZED }, [0xdb - 0xc0] = { 4, 0, SIZED }, /* str */
                [0xdc - 0xc0] = { 2, 0, ARRAY }, [0xdd - 0xc0] = { 4, 0, ARRAY },
                [0xde - 0xc0] = { 2, 0, MAP },   [0xdf - 0xc0] = { 4, 0, MAP },
        };

        if (byte <= 0x7f || byte >= 0xe0)
                *h = (struct header){ 0, 0, PLAIN };
        else if (byte <= 0x8f)
                *h = (struct header){ 0, byte & 0x0f, MAP };
        else if (byte <= 0x9f)
                *h = (struct header){ 0, byte & 0x0f, ARRAY };
        else if (byte <= 0xbf)
                *h = (struct header){ 0, byte & 0x1f, PLAIN };
        else
                *h = others[byte - 0xc0];
        return byte != 0xc1;
}

/* A container of so many values begins. */
static enum scan_verdict open_container(struct scan *s, uint64_t values) {
        s->values += values;
        if (s->values > SCAN_VALUES_MAX)
                return SCAN_MANY;
        if (s->depth == SCAN_DEPTH_MAX)
                return SCAN_DEEP;
        s->left[s->depth++] = values;
        return SCAN_MORE;
}

/* The next value, whose first byte is at hand. SCAN_MORE with *ret_short set: its header is not whole yet, and nothing is used. */
static enum scan_verdict step(struct scan *s, const uint8_t *bytes, size_t length, size_t max_bytes, bool *ret_short) {
        const size_t begin = s->at;
        struct header h;
        uint64_t n;

        *ret_short = false;
        if (!read_first(bytes[begin], &h))
                return SCAN_INVALID;
        if (begin + 1 + h.length_bytes > max_bytes)
                return SCAN_LARGE;
        if (h.length_bytes > length - begin - 1) {
                *ret_short = true;
                return SCAN_MORE;
        }
        n = h.length_bytes == 0 ? h.fixed : 0;
        for (unsigned int i = 0; i < h.length_bytes; i++)
                n = n << 8 | bytes[begin + 1 + i];
        s->at += 1 + h.length_bytes;
        if (h.kind == ARRAY || h.kind == MAP)
                return open_container(s, h.kind == MAP ? 2 * n : n);
        if (h.kind == SIZED)
                n += h.fixed;
        if (n > max_bytes - s->at)
                return SCAN_LARGE;
        s->at += n;
        return SCAN_MORE;
}

enum scan_verdict scan_run(struct scan *s, const uint8_t *bytes, size_t length, size_t max_bytes) {
        for (;;) {
                const unsigned int parent = s->depth;
                enum scan_verdict verdict;
                bool is_short;

                if (s->at > length) /* in the middle of a string */
                        return SCAN_MORE;
                if (s->at > 0 && parent == 0)
                        return SCAN_WHOLE;
                if (s->at == length)
                        return SCAN_MORE;
                verdict = step(s, bytes, length, max_bytes, &is_short);
                if (verdict != SCAN_MORE || is_short)
                        return verdict;
                if (parent > 0)
                        s->left[parent - 1]--;
                while (s->depth > 0 && s->left[s->depth - 1] == 0)
                        s->depth--;
        }
}
