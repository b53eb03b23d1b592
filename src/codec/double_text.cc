#include "codec/double_text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <system_error>

size_t double_text(double value, char *out) {
        if (!std::isfinite(value))
                return 0;

        double magnitude = std::fabs(value);
        bool fixed = magnitude == 0.0 || (magnitude >= 1e-4 && magnitude < 1e16);
        /* The classes are Python's; within each, to_chars yields the shortest digits (Ryu). */
        char *end = std::to_chars(out, out + DOUBLE_TEXT_MAX, value,
                                  fixed ? std::chars_format::fixed : std::chars_format::scientific)
                            .ptr;
        if (fixed && std::memchr(out, '.', static_cast<size_t>(end - out)) == nullptr) {
                *end++ = '.';
                *end++ = '0';
        }
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
