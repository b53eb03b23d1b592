#include "codec/double_text.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "codec/decimal_digits.h"
#include "codec/shortest_digits.h"

/* For what is not to be found in one step. The classes are Python's; within each, to_chars yields the shortest digits (Ryu). */
static __attribute__((noinline)) size_t text_by_library(double value, char *out) {
        if (!std::isfinite(value))
                return 0;

        double magnitude = std::fabs(value);
        bool fixed = magnitude == 0.0 || (magnitude >= 1e-4 && magnitude < 1e16);
        char *end = std::to_chars(out, out + DOUBLE_TEXT_MAX, value,
                                  fixed ? std::chars_format::fixed : std::chars_format::scientific)
                            .ptr;
        if (fixed && std::memchr(out, '.', static_cast<size_t>(end - out)) == nullptr) {
                *end++ = '.';
                *end++ = '0';
        }
        return static_cast<size_t>(end - out);
}

/* The digits as characters. */
struct characters {
        bytes16 sixteen;
        char last;
        unsigned count; /* without the zeros at the end */
};

static inline struct characters characters_of(const struct shortest_digits &d) {
        const bytes16 digits = decimal_digits16(d.sixteen);

        return { digits | '0', static_cast<char>('0' + d.last), d.last ? 17 : length_without_zeros16(digits) };
}

/* 16 characters and the last one. All of these writes go beyond the text, but not beyond DOUBLE_TEXT_MAX − 1. */
static inline void write_all(char *out, const struct characters &c) {
        std::memcpy(out, &c.sixteen, sizeof c.sixteen);
        out[16] = c.last;
}

/* 0.00123, exponent −4 … −1 */
static inline char *write_below_one(char *out, const struct characters &c, int exponent) {
        decimal_store8(out, DECIMAL_ZEROS);
        out[1] = '.';
        write_all(out + 1 - exponent, c);
        return out + 1 - exponent + c.count;
}

/* 123.45, exponent 0 … 15: what stands before the point comes from the digits, what stands behind it from the same one place further. */
static inline char *write_fixed(char *out, const struct characters &c, int exponent) {
        /* 0xff for the bytes before the point: read from the place where so many of them are left */
        static const uint8_t before[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
        const unsigned point = static_cast<unsigned>(exponent) + 1;
        const bytes16 mask = load_bytes16(before + 16 - point), text = (c.sixteen & mask) | (one_place_further16(c.sixteen) & ~mask);

        write_all(out + 1, c);
        std::memcpy(out, &text, sizeof text);
        out[point] = '.';
        if (c.count > point)
                return out + c.count + 1;
        out[point + 1] = '0';
        return out + point + 2;
}

/* 1.23e+45 */
static inline char *write_scientific(char *out, const struct characters &c, int exponent) {
        unsigned size = static_cast<unsigned>(exponent < 0 ? -exponent : exponent);

        write_all(out + 1, c);
        out[0] = out[1];
        out[1] = '.';
        out += c.count > 1 ? c.count + 1 : 1;
        *out++ = 'e';
        *out++ = exponent < 0 ? '-' : '+';
        if (size >= 100)
                *out++ = static_cast<char>('0' + size / 100);
        *out++ = static_cast<char>('0' + size / 10 % 10);
        *out++ = static_cast<char>('0' + size % 10);
        return out;
}

size_t double_text(double value, char *out) {
        struct shortest_digits digits;
        uint64_t bits;
        char *end = out;

        std::memcpy(&bits, &value, sizeof bits);
        if (__builtin_expect(!shortest_digits_of(bits, &digits), 0))
                return text_by_library(value, out);

        const struct characters c = characters_of(digits);

        *end = '-';
        end += bits >> 63;
        if (__builtin_expect(digits.exponent >= 0 && digits.exponent < 16, 1))
                end = write_fixed(end, c, digits.exponent);
        else if (digits.exponent < 0 && digits.exponent >= -4)
                end = write_below_one(end, c, digits.exponent);
        else
                end = write_scientific(end, c, digits.exponent);
        return static_cast<size_t>(end - out);
}

/* from_chars() tells what is too large from what is too small by nothing, and leaves the value alone. strtod() tells, in the C locale, which this
 * program never leaves. */
double double_from_text(const char *text, size_t length) {
        double value = 0;
        char copy[1100];

        if (std::from_chars(text, text + length, value).ec != std::errc::result_out_of_range)
                return value;
        if (length >= sizeof copy)
                return HUGE_VAL;
        std::memcpy(copy, text, length);
        copy[length] = '\0';
        return std::strtod(copy, nullptr);
}
