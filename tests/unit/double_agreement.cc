/* double_text() against the C++ library, byte for byte. Usage: unit_double_agreement [MILLIONS OF DOUBLES] (default 1; 100 take a minute). */
#include <charconv>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "codec/double_text.h"

static const double powers_of_ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19 };

/* What double_text() promises, in the library's words. */
static size_t expected_text(double value, char *out) {
        const double magnitude = std::fabs(value);
        const bool fixed = magnitude == 0.0 || (magnitude >= 1e-4 && magnitude < 1e16);
        char *end = std::to_chars(out, out + DOUBLE_TEXT_MAX, value, fixed ? std::chars_format::fixed : std::chars_format::scientific).ptr;

        if (fixed && std::memchr(out, '.', static_cast<size_t>(end - out)) == nullptr) {
                *end++ = '.';
                *end++ = '0';
        }
        return static_cast<size_t>(end - out);
}

/* Xorshift*: the same numbers in each run. */
static uint64_t next_random() {
        static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * UINT64_C(0x2545f4914f6cdd1d);
}

static double from_bits(uint64_t bits) {
        double value;

        std::memcpy(&value, &bits, sizeof value);
        return value;
}

static void check(double value) {
        char text[DOUBLE_TEXT_MAX], expected[DOUBLE_TEXT_MAX];
        size_t length, expected_length;

        if (!std::isfinite(value))
                return;
        std::memset(text, 0x55, sizeof text);
        length = double_text(value, text);
        expected_length = expected_text(value, expected);
        if (length == expected_length && std::memcmp(text, expected, length) == 0)
                return;
        (void)std::fprintf(stderr, "%a: \"%.*s\", expected \"%.*s\"\n", value, static_cast<int>(length), text, static_cast<int>(expected_length), expected);
        std::exit(EXIT_FAILURE);
}

/* One of every kind that has its own way through the code, drawn from `r`. */
static void check_kinds(uint64_t r) {
        const uint64_t exponent = (r >> 3) % 2047 << 52, mantissa = next_random() >> 12;

        check(from_bits(r));                                                                               /* any bits */
        check(1.5e9 + static_cast<double>(r >> 11) * 0x1p-24);                                             /* a time, as records have it */
        check(static_cast<double>(mantissa >> r % 52));                                                    /* an integer */
        check(static_cast<double>(mantissa) * 0x1p-52 * static_cast<double>(r >> 40));                     /* near one */
        check(static_cast<double>(r >> 11 >> r % 40) / powers_of_ten[mantissa % 20]);                      /* few digits, before and behind the point */
        check(std::ldexp(static_cast<double>(r >> 40), static_cast<int>(mantissa % 128) - 64));            /* short in binary: halfway between two texts */
        check(std::ldexp(static_cast<double>(r >> 11), static_cast<int>(mantissa % 70)));                  /* large and even: bounds that are multiples of ten */
        check(from_bits(exponent | ((r & 4) ? (UINT64_C(1) << 52) - 1 - (r & 3) : r & 3)));                 /* next to a power of two */
}

int main(int argc, char **argv) {
        const int kinds = 8;
        const long millions = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1;

        if (millions < 1 || millions > 1000000) {
                (void)std::fprintf(stderr, "usage: unit_double_agreement [MILLIONS OF DOUBLES, up to a million]\n");
                return EXIT_FAILURE;
        }
        for (int e = -350; e <= 310; e++) { /* 10^e and its neighbours */
                char text[16];
                double power;

                (void)std::snprintf(text, sizeof text, "1e%d", e);
                power = std::strtod(text, nullptr);
                check(power);
                check(std::nextafter(power, 0.0));
                check(-std::nextafter(power, HUGE_VAL));
        }
        for (uint64_t biased = 0; biased < 2047; biased++) /* powers of two, all of them, and their neighbours */
                for (uint64_t near = 0; near < 3; near++)
                        check(from_bits((biased << 52) + near - (biased ? 1 : 0)));
        for (long i = 0; i < millions * (1000000 / kinds); i++)
                check_kinds(next_random());
        (void)std::printf("%ld million doubles\n", millions);
        return EXIT_SUCCESS;
}
