/* Decimal digits, eight at a time in one word: the first in what memory has first. Internal to codec/. */
#ifndef RESTMARK_CODEC_DECIMAL_DIGITS_H
#define RESTMARK_CODEC_DECIMAL_DIGITS_H

#include <stdint.h>
#include <string.h>

#define DECIMAL_ZEROS UINT64_C(0x3030303030303030) /* "00000000" */

/* The digits of n < 10^8, with zeros before them, as numbers: the first in the lowest byte. It is halved three times, each time in all lanes
 * at once: a product with a rounded reciprocal, exact for as many digits as the lane holds, is the upper half. */
static inline uint64_t decimal_digits8(uint32_t n) {
        uint64_t fours = (uint64_t)n << 32, pairs, upper = (n * UINT64_C(109951163)) >> 40;

        fours -= upper * ((UINT64_C(10000) << 32) - 1);
        upper = ((fours * 10486) >> 20) & UINT64_C(0x0000007f0000007f);
        pairs = (fours << 16) - upper * ((100 << 16) - 1);
        upper = ((pairs * 103) >> 10) & UINT64_C(0x000f000f000f000f);
        return (pairs << 8) - upper * ((10 << 8) - 1);
}

/* Writes a word of eight characters, the first of them in its lowest byte. */
static inline void decimal_store8(char *out, uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        memcpy(out, &word, sizeof word);
}

#endif
