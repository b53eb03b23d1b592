/* Any bytes as what restmark-load merges. The first byte says what the others are: a histogram without base64 and zlib, one with both, or a
 * log. What must hold: no crash, and a histogram that is taken is written and read to the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "latency/hdr_decode.h"
#include "latency/hdr_log.h"
#include "latency/hdr_log_read.h"

static void require_same_again(const struct hdr *h) {
        char *text = hdr_encode(h);
        struct hdr *again = malloc(sizeof *again);

        MUST(text != NULL && again != NULL);
        MUST(hdr_decode(text, strlen(text), again, NULL) == 0);
        MUST(memcmp(h->counts, again->counts, sizeof h->counts) == 0);
        MUST(hdr_summarise(h).max_us < (uint64_t)2 * HDR_HIGHEST_US);
        free(again);
        free(text);
}

static int take(void *context, uint64_t start_ms, uint64_t length_ms, const struct hdr *values, struct error *e) {
        (void)context;
        (void)start_ms;
        (void)length_ms;
        (void)e;
        require_same_again(values);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        struct hdr *h = malloc(sizeof *h);
        char *copy;
        struct error e;
        int r = -1;

        if (length == 0) {
                free(h);
                return 0;
        }
        copy = malloc(length); /* a block of its own, so that reading beyond it is found */
        MUST(h != NULL && copy != NULL);
        memcpy(copy, bytes + 1, length - 1);
        if (bytes[0] == 'p')
                r = hdr_decode_plain((const uint8_t *)copy, length - 1, h, &e);
        else if (bytes[0] == 'b')
                r = hdr_decode(copy, length - 1, h, &e);
        else
                (void)hdr_log_read("log", copy, length - 1, take, NULL, &e);
        if (r == 0)
                require_same_again(h);
        free(copy);
        free(h);
        return 0;
}
