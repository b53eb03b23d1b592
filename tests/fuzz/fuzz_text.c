/* Any bytes as a text that becomes JSON. What must hold: each way to write it that this processor has leads to the same bytes, as many as were promised, and
 * writes none behind them. */
#include <stdlib.h>
#include <string.h>

#include "codec/json_long_text.h"
#include "codec/json_string.h"
#include "fuzz.h"

/* In memory of exactly this size, of which the sanitizer knows the ends. */
static char *written(json_text_writer *write, const char *bytes, size_t length, size_t expected) {
        char *out = malloc(expected ? expected : 1);

        MUST(out);
        MUST((size_t)(write(out, bytes, length) - out) == expected);
        return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
        char *bytes = malloc(length ? length : 1), *slowly;
        size_t expected, n;
        const struct json_text_way *ways = json_text_ways(&n);

        MUST(bytes);
        if (length > 0)
                memcpy(bytes, input, length);
        expected = json_string_length(bytes, length);
        slowly = written(json_string_escape, bytes, length, expected);
        for (size_t i = 0; i < n; i++) {
                char *out = written(ways[i].write, bytes, length, expected);

                REQUIRE(memcmp(out, slowly, expected) == 0, "%s writes something else", ways[i].name);
                free(out);
        }
        free(slowly);
        free(bytes);
        return 0;
}
