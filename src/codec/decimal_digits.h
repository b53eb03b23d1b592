/* Decimal digits, eight at a time in one word: the first in what memory has first. Internal to codec/. */
#ifndef RESTMARK_CODEC_DECIMAL_DIGITS_H
#define RESTMARK_CODEC_DECIMAL_DIGITS_H

#include <stdint.h>
#include <string.h>

#include "codec/words.h"

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

/* The digits of n < 10^16, with zeros before them, as numbers: two times what decimal_digits8() does, in one register where there is a product of its lanes. */
static inline bytes16 decimal_digits16(uint64_t n) {
        const uint32_t upper = (uint32_t)(n / 100000000), lower = (uint32_t)(n % 100000000);
#ifdef __SSE2__
        const __m128i eights = _mm_set_epi64x(lower, upper);
        /* 10^8 / 10^4 needs a product of more than 32 bits, the others of 16 */
        __m128i part = _mm_srli_epi64(_mm_mul_epu32(eights, _mm_set1_epi64x(109951163)), 40);
        const __m128i fours = _mm_or_si128(part, _mm_slli_epi64(_mm_sub_epi32(eights, _mm_mul_epu32(part, _mm_set1_epi64x(10000))), 32));

        part = _mm_srli_epi16(_mm_mulhi_epu16(fours, _mm_set1_epi16(10486)), 4);
        const __m128i pairs = _mm_or_si128(part, _mm_slli_epi32(_mm_sub_epi16(fours, _mm_mullo_epi16(part, _mm_set1_epi16(100))), 16));

        part = _mm_mulhi_epu16(pairs, _mm_set1_epi16(6554));
        return (bytes16)_mm_or_si128(part, _mm_slli_epi16(_mm_sub_epi16(pairs, _mm_mullo_epi16(part, _mm_set1_epi16(10))), 8));
#else
        bytes16 digits;

        decimal_store8((char *)&digits, decimal_digits8(upper));
        decimal_store8((char *)&digits + 8, decimal_digits8(lower));
        return digits;
#endif
}

#endif
