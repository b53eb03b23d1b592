#include "codec/double_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

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
