/* The shortest decimal digits that read back as the same double, and of those the ones nearest to it. C++ only, internal to codec/. */
#ifndef RESTMARK_CODEC_SHORTEST_DIGITS_H
#define RESTMARK_CODEC_SHORTEST_DIGITS_H

#include <cstdint>

#ifdef __SIZEOF_INT128__
#include "codec/powers_of_ten.h"
#endif

struct shortest_digits {
        uint64_t sixteen; /* 10^15 … 10^16 − 1: the first 16 digits, with zeros behind them if there are fewer */
        unsigned last;    /* the 17th */
        int exponent;     /* of the first: a.bcd… · 10^exponent */
};

/* Finds the digits of the double with these `bits`, whose sign it does not look at. False if it can not: for zeros, subnormals, powers of two and what is
 * not finite, and where the rounding of the table leaves open on which side of a bound the double lies, which is rare. `ret` is of no use then.
 *
 * The double is c · 2^q. With 10^K the power of ten for which 0.1 ≤ 2^q / 10^K < 1, what reads back as it is less than half of 2^q / 10^K
 * away, so that at most one multiple of 10^K does, and at least one of 10^(K − 1) does: the nearest (Raffaello Giulietti, "The Schubfach way to render
 * doubles", 2021, section 8). It takes three products there, of the double and both bounds. Here it is one: c · 2^q / 10^K as an integer
 * and a fraction of 64 bits, and half of 2^q / 10^K is a shift of the table's entry, so that both bounds are compared with the fraction.
 *
 * What has been cut off: c, shifted to at most 64 bits, times what is missing in the entry's last place, and the product's lower 64 bits,
 * each less than 1 in the product's place 64, which is shifted by 11 afterwards. So fraction and half are each too small by less than 2. */
#ifdef __SIZEOF_INT128__
static inline bool shortest_digits_of(uint64_t bits, struct shortest_digits *ret) {
        enum { MANTISSA_BITS = 52, SPARE_BITS = 64 - MANTISSA_BITS - 1, CUT_OFF = 4 };
        const uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
        const unsigned biased = (bits >> MANTISSA_BITS) & 0x7ff;

        if (__builtin_expect(mantissa == 0 || biased == 0 || biased == 0x7ff, 0))
                return false;

        const int q = static_cast<int>(biased) - 1075, exponent = powers_of_ten::log10_of_binary(q) + 1;
        const int above = -1 - (q + powers_of_ten::log2_of_power(-exponent)); /* 2^q / 10^K is the entry · 2^(−128 − above): 0 … 3 */
        const powers_of_ten::power p = powers_of_ten::TABLE.entries[-exponent - powers_of_ten::FIRST];
        const uint64_t c = (mantissa | UINT64_C(1) << MANTISSA_BITS) << (SPARE_BITS - above);

        powers_of_ten::uint128 product = (static_cast<powers_of_ten::uint128>(c) * p.low >> 64) + static_cast<powers_of_ten::uint128>(c) * p.high;
        uint64_t integer = static_cast<uint64_t>(product >> (64 + SPARE_BITS)), fraction = static_cast<uint64_t>(product >> SPARE_BITS);
        uint64_t half = p.high >> (above + 1);
        unsigned last = 0;

        if (__builtin_expect(fraction - half + CUT_OFF <= 2 * CUT_OFF || fraction + half + CUT_OFF <= 2 * CUT_OFF, 0))
                return false;
        if (fraction > half) {
                if (-fraction < half)
                        integer++;
                else {
                        powers_of_ten::uint128 tenth = static_cast<powers_of_ten::uint128>(fraction) * 10;
                        uint64_t rest = static_cast<uint64_t>(tenth);

                        if (__builtin_expect(rest - (UINT64_C(1) << 63) + 10 * CUT_OFF <= 20 * CUT_OFF, 0))
                                return false;
                        last = static_cast<unsigned>(tenth >> 64) + static_cast<unsigned>(rest >> 63);
                }
        }
        ret->exponent = exponent + 15;
        if (integer < UINT64_C(1000000000000000)) {
                integer = integer * 10 + last;
                last = 0;
                ret->exponent--;
        }
        ret->sixteen = integer;
        ret->last = last;
        return true;
}
#else /* 32-bit processors: products of 128 bits would cost what is saved */
static inline bool shortest_digits_of(uint64_t bits, struct shortest_digits *ret) {
        (void)bits;
        (void)ret;
        return false;
}
#endif

#endif
