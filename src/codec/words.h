/* Loads of several bytes from anywhere, and the 16 of a vector register. Vectors are the compiler's own, for which it has SSE2 on x86-64, NEON on arm64 and
 * plain code elsewhere: all processors of an architecture have those, so that nothing has to be chosen at run time (as it is for long texts, json_long_text.h).
 * Internal to codec/. */
#ifndef RESTMARK_CODEC_WORDS_H
#define RESTMARK_CODEC_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#define NAME_OF_BYTES16 "SSE2"
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <arm_neon.h>
#define NAME_OF_BYTES16 "NEON"
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

/* The place of the first of 16 bytes that has its bit 7 set; 16 if there is none. Each byte is 0 or 0xff. Only where such registers have a name. */
#ifdef NAME_OF_BYTES16
static inline size_t first_high_bit16(bytes16 v) {
#ifdef __SSE2__
        unsigned bits = (unsigned)_mm_movemask_epi8((__m128i)v);

        return bits ? (size_t)__builtin_ctz(bits) : sizeof v;
#else /* four bits of each byte, for NEON has no instruction that gathers one */
        uint64_t bits = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8((uint8x16_t)v), 4)), 0);

        return bits ? (size_t)__builtin_ctzll(bits) / 4 : sizeof v;
#endif
}
#endif

/* All bytes one place further: the first is 0, what was the last is gone. */
static inline bytes16 one_place_further16(bytes16 v) {
#if defined(__SSE2__)
        return (bytes16)_mm_slli_si128((__m128i)v, 1);
#else
        uint8_t bytes[sizeof v + 1] = { 0 };

        memcpy(bytes + 1, &v, sizeof v);
        memcpy(&v, bytes, sizeof v);
        return v;
#endif
}

/* How many bytes are left without the zeros at the end. Not for 16 zeros. */
static inline unsigned length_without_zeros16(bytes16 v) {
#if defined(__SSE2__)
        return 32 - (unsigned)__builtin_clz((unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8((__m128i)v, _mm_setzero_si128())) ^ 0xffff);
#else
        uint64_t halves[2];

        memcpy(halves, &v, sizeof halves);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        halves[0] = __builtin_bswap64(halves[0]);
        halves[1] = __builtin_bswap64(halves[1]);
#endif
        return halves[1] ? 16 - (unsigned)__builtin_clzll(halves[1]) / 8 : 8 - (unsigned)__builtin_clzll(halves[0]) / 8;
#endif
}

#endif
