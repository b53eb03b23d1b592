/* Integers as decimal text. Internal to codec/. */
#ifndef RESTMARK_CODEC_INTEGER_TEXT_H
#define RESTMARK_CODEC_INTEGER_TEXT_H

#include <stdint.h>

#include "codec/decimal_digits.h"

enum { INTEGER_TEXT_MAX = 20 }; /* "-9223372036854775808" */

static inline unsigned integer_digits(uint64_t value) {
        unsigned digits = 1;

        for (; value >= 10000; value /= 10000)
                digits += 4;
        return digits + (value >= 1000 ? 3 : value >= 100 ? 2 : value >= 10 ? 1 : 0);
}

enum { INTEGER_TEXT_WRITES = 8 }; /* bytes from the first digit on that integer_text() writes in any case */

/* Writes the text of `value`, and on to INTEGER_TEXT_WRITES if it is shorter; returns its end. */
static inline char *integer_text(char *out, int64_t value) {
        /* Negated as unsigned: INT64_MIN has no positive twin. */
        uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
        char *p, *end;

        *out = '-';
        out += value < 0;
        if (__builtin_expect(rest < 100000000, 1)) {
                uint64_t digits = decimal_digits8((uint32_t)rest);
                unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8; /* before the first digit; the last counts as one */

                decimal_store8(out, (digits | DECIMAL_ZEROS) >> 8 * zeros);
                return out + 8 - zeros;
        }
        end = p = out + integer_digits(rest);
        do {
                *--p = (char)('0' + rest % 10);
                rest /= 10;
        } while (rest);
        return end;
}

/* Length of the text of `value` in bytes. */
static inline unsigned integer_text_length(int64_t value) {
        return (value < 0) + integer_digits(value < 0 ? -(uint64_t)value : (uint64_t)value);
}

#endif
