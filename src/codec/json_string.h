/* Strings as JSON, byte for byte as Python's json.dumps(ensure_ascii=False): escaped are the quote, the backslash and what
 * is below 0x20 (\b \f \n \r \t, else \u00xx in lower case), nothing else. Internal to codec/. */
#ifndef RESTMARK_CODEC_JSON_STRING_H
#define RESTMARK_CODEC_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/json_long_text.h"
#include "codec/words.h"

enum { JSON_ESCAPE_MAX = 6 }; /* bytes of the longest escape, "\u001f" */

/* Length of the escaped text of `length` bytes, without the quotes. */
size_t json_string_length(const char *bytes, size_t length);

/* Writes the escaped text, without the quotes, and not one byte more; returns its end. Works on any text, byte by byte: for
 * what cannot be copied. */
char *json_string_escape(char *out, const char *bytes, size_t length);

/* Does one of eight bytes need an escape? For each byte x: (x − n) borrows from its own bit 7 exactly when x < n, or through
 * a neighbour that did so itself, so that "any at all" is exact although "which one" is not. XOR turns "equal to c"
 * into "below 1". Bytes above 0x7f never need one. */
static inline bool json_escape_in8(uint64_t w) {
        const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
        uint64_t control = w - ones * 0x20, quote = (w ^ ones * '"') - ones, backslash = (w ^ ones * '\\') - ones;

        return ((control | quote | backslash) & ~w & high) != 0;
}

static inline uint64_t json_load8(const char *p) {
        uint64_t w;

        memcpy(&w, p, sizeof w);
        return w;
}

static inline bool json_must_escape(unsigned char c) {
        return c < 0x20 || c == '"' || c == '\\';
}

/* The same of 16 bytes: 0xff for each that needs one, else 0. */
static inline bytes16 json_escapes16(bytes16 v) {
        return (bytes16)((v < 0x20) | (v == '"') | (v == '\\'));
}

static inline bool json_escape_in16(bytes16 v) {
        return any_high_bit16(json_escapes16(v));
}

/* Writes the escaped text, without the quotes, and not one byte more; returns its end. Copies 16 or eight bytes at a time; the
 * last ones overlap those before, so that no byte is handled alone. In texts below JSON_LONG_TEXT what follows an escape is handled byte by byte. */
static inline char *json_string_emit(char *out, const char *bytes, size_t length) {
        if (length >= 16) {
                bytes16 v;
                size_t i = 0;

                if (__builtin_expect(length >= JSON_LONG_TEXT, 0))
                        return json_long_text(out, bytes, length);
                for (; i + 16 < length; i += 16) {
                        v = load_bytes16(bytes + i);
                        if (__builtin_expect(json_escape_in16(v), 0))
                                return json_string_escape(out + i, bytes + i, length - i);
                        memcpy(out + i, &v, 16);
                }
                v = load_bytes16(bytes + length - 16);
                if (__builtin_expect(json_escape_in16(v), 0))
                        return json_string_escape(out + i, bytes + i, length - i);
                memcpy(out + length - 16, &v, 16);
                return out + length;
        }
        if (length >= 8) {
                uint64_t first = json_load8(bytes), last = json_load8(bytes + length - 8);

                if (__builtin_expect(json_escape_in8(first) || json_escape_in8(last), 0))
                        return json_string_escape(out, bytes, length);
                memcpy(out, &first, 8);
                memcpy(out + length - 8, &last, 8);
                return out + length;
        }
        if (length >= 4) {
                uint32_t first, last;

                memcpy(&first, bytes, 4);
                memcpy(&last, bytes + length - 4, 4);
                if (__builtin_expect(json_escape_in8((uint64_t)last << 32 | first), 0))
                        return json_string_escape(out, bytes, length);
                memcpy(out, &first, 4);
                memcpy(out + length - 4, &last, 4);
                return out + length;
        }
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)bytes[i];

                if (__builtin_expect(json_must_escape(c), 0))
                        return json_string_escape(out + i, bytes + i, length - i);
                out[i] = (char)c;
        }
        return out + length;
}

#endif
