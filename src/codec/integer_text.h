/* Integers as decimal text. Internal to codec/. */
#ifndef RESTMARK_CODEC_INTEGER_TEXT_H
#define RESTMARK_CODEC_INTEGER_TEXT_H

#include <stdint.h>
#include <string.h>

enum { INTEGER_TEXT_MAX = 20 }; /* "-9223372036854775808" */

static inline unsigned integer_digits(uint64_t value) {
        unsigned digits = 1;

        for (; value >= 10000; value /= 10000)
                digits += 4;
        return digits + (value >= 1000 ? 3 : value >= 100 ? 2 : value >= 10 ? 1 : 0);
}

/* Writes the text of `value` and not one byte more; returns its end. */
static inline char *integer_text(char *out, int64_t value) {
        /* Negated as unsigned: INT64_MIN has no positive twin. */
        uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
        char *p, *end;

        if (value < 0)
                *out++ = '-';
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
