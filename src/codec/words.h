/* Loads of several bytes from anywhere, and the 16 of a vector register. Vectors are the compiler's own, for which it has SSE2 on x86-64, NEON on arm64 and
 * plain code elsewhere: all processors of an architecture have those, so that nothing has to be chosen at run time. Internal to codec/. */
#ifndef RESTMARK_CODEC_WORDS_H
#define RESTMARK_CODEC_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline uint16_t load_be16(const uint8_t *p) {
        return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p) {
        uint32_t w;

        memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        w = __builtin_bswap32(w);
#endif
        return w;
}

static inline uint64_t load_be64(const uint8_t *p) {
        uint64_t w;

        memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        w = __builtin_bswap64(w);
#endif
        return w;
}

static inline bytes16 load_bytes16(const void *p) {
        bytes16 v;

        memcpy(&v, p, sizeof v);
        return v;
}

/* Has one of 16 bytes its bit 7 set? */
static inline bool any_high_bit16(bytes16 v) {
#ifdef __SSE2__ /* one instruction that no vector of the compiler's own leads to */
        return _mm_movemask_epi8((__m128i)v) != 0;
#else
        uint64_t halves[2];

        memcpy(halves, &v, sizeof halves);
        return ((halves[0] | halves[1]) & UINT64_C(0x8080808080808080)) != 0;
#endif
}

#endif
