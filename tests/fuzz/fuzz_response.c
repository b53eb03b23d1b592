/* Any bytes as what a server sends, whole and cut in two at a place that the first byte chooses. What must hold: no crash, an end, and the
 * same answers and the same bodies however they are cut. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire/response.h"

struct outcome {
        size_t answers, body_bytes;
        uint64_t body_sum; /* of each byte with its place */
        int broken;
};

static void feed(struct response_parser *p, struct outcome *o, const char *bytes, size_t n) {
        enum response_event event;

        do {
                size_t used, body;

                event = response_feed(p, bytes, n, &used, &body);
                MUST(used <= n && body <= used);
                for (size_t i = used - body; i < used; i++)
                        o->body_sum += ++o->body_bytes * (unsigned char)bytes[i];
                bytes += used;
                n -= used;
                if (event == RESPONSE_DONE) {
                        o->answers++;
                        response_begin(p, 0, p->memo);
                }
                o->broken = event == RESPONSE_BROKEN;
        } while (!o->broken && (n > 0 || event == RESPONSE_BODY));
}

/* The bytes come in blocks of their own, so that reading beyond them is found. */
static struct outcome parse(const uint8_t *bytes, size_t length, size_t cut, struct response_memo *memo) {
        struct outcome o = { 0 };
        struct response_parser *p = malloc(sizeof *p);

        MUST(p != NULL);
        response_begin(p, 0, memo);
        for (size_t at = 0, n = cut; !o.broken && at < length; at += n, n = length - cut) {
                char *copy = malloc(n + 1);

                MUST(copy != NULL);
                memcpy(copy, bytes + at, n);
                feed(p, &o, copy, n);
                free(copy);
        }
        free(p);
        return o;
}

static void require_same(const struct outcome *a, const struct outcome *b) {
        MUST(a->answers == b->answers && a->broken == b->broken && a->body_bytes == b->body_bytes && a->body_sum == b->body_sum);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        struct response_memo *memo = calloc(1, sizeof *memo);
        struct outcome whole, cut, again;

        MUST(memo != NULL);
        if (length >= 2) {
                whole = parse(bytes + 1, length - 1, length - 1, memo);
                cut = parse(bytes + 1, length - 1, 1 + bytes[0] % (length - 1), NULL);
                again = parse(bytes + 1, length - 1, length - 1, memo);
                require_same(&whole, &again);
                require_same(&whole, &cut);
        }
        free(memo);
        return 0;
}
