#include "base/number.h"

#include <errno.h>

enum { SHORT_DIGITS = 19 /* 10^19 - 1 is less than 2^64 */ };

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int number_hex_byte(const char *digits) {
        int high = hex_digit(digits[0]), low = high < 0 ? -1 : hex_digit(digits[1]);

        return low < 0 ? -1 : high * 16 + low;
}

/* So few digits cannot overflow. */
static int parse_short(const char *text, size_t length, uint64_t *ret) {
        uint64_t value = 0;

        for (size_t i = 0; i < length; i++) {
                unsigned int digit = (unsigned int)(text[i] - '0');

                if (digit > 9)
                        return -EINVAL;
                value = value * 10 + digit;
        }
        *ret = value;
        return 0;
}

int number_parse(const char *text, size_t length, uint64_t *ret) {
        uint64_t value = 0;
        int r = 0;

        if (length == 0)
                return -EINVAL;
        if (length <= SHORT_DIGITS)
                return parse_short(text, length, ret);
        for (size_t i = 0; i < length; i++) {
                unsigned int digit = (unsigned int)(text[i] - '0');

                if (digit > 9)
                        return -EINVAL;
                /* Go on after an overflow: what follows may show that it is no number at all. */
                if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value))
                        r = -ERANGE;
        }
        if (r == 0)
                *ret = value;
        return r;
}
