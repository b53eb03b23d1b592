/* Strings of JSON_LONG_TEXT bytes and more as JSON: copied, and looked through for what must be escaped, in the widest registers that this processor has.
 * Shorter ones are not worth a call. Internal to codec/, as json_string.h, which decides. */
#ifndef RESTMARK_CODEC_JSON_LONG_TEXT_H
#define RESTMARK_CODEC_JSON_LONG_TEXT_H

#include <stddef.h>

enum { JSON_LONG_TEXT = 64 };

/* Writes the escaped text, without the quotes, and not one byte more; returns its end. Takes any length. */
typedef char *json_text_writer(char *out, const char *bytes, size_t length);

struct json_text_way {
        const char *name; /* of the registers: "plain", "SSE2", "NEON", "AVX2" */
        json_text_writer *write;
};

/* The ways that this processor can go, the best one last. */
const struct json_text_way *json_text_ways(size_t *ret_n);

/* The best one: chosen before main() begins, so that every fork has it, and never changed afterwards. */
extern json_text_writer *json_long_text;

#endif
