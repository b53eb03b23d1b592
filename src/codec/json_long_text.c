#include "codec/json_long_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "codec/json_string.h"
#include "codec/words.h"

#ifdef __x86_64__
#include <immintrin.h>
#if __has_include(<sys/platform/x86.h>) /* the C library is glibc, 2.33 at least */
#include <sys/platform/x86.h>
#endif
#endif

/* Copies a block, of as many bytes as the way is wide, and returns how many stand before the first that must be escaped: all, if there is none. */
typedef size_t block_copier(char *out, const char *bytes);

/* The body of all ways; inlined into each, so that its block is no call. A block is written whole before anybody looks at it: each byte of the text is at
 * least one of the output's, so that there is room, and what should not be there is written over. */
static inline __attribute__((always_inline)) char *write_blocks(char *out, const char *bytes, size_t length, block_copier *copy, size_t width) {
        while (length >= width) {
                size_t clean = copy(out, bytes);

                out += clean;
                bytes += clean;
                length -= clean;
                if (__builtin_expect(clean < width, 0)) {
                        out = json_string_escape(out, bytes, 1);
                        bytes++;
                        length--;
                }
        }
        return json_string_emit(out, bytes, length);
}

/* Eight bytes in a general register. Whether one must be escaped is told exactly, but not which. */
static inline size_t copy_word(char *out, const char *bytes) {
        uint64_t word = json_load8(bytes);
        size_t clean = 0;

        memcpy(out, &word, sizeof word);
        if (!json_escape_in8(word))
                return sizeof word;
        while (!json_must_escape((unsigned char)bytes[clean]))
                clean++;
        return clean;
}

static char *write_plain(char *out, const char *bytes, size_t length) {
        return write_blocks(out, bytes, length, copy_word, sizeof(uint64_t));
}

#ifdef NAME_OF_BYTES16
static inline size_t copy_bytes16(char *out, const char *bytes) {
        bytes16 v = load_bytes16(bytes);

        memcpy(out, &v, sizeof v);
        return first_high_bit16(json_escapes16(v));
}

static char *write_bytes16(char *out, const char *bytes, size_t length) {
        return write_blocks(out, bytes, length, copy_bytes16, sizeof(bytes16));
}
#endif

#ifdef __x86_64__
static inline __attribute__((target("avx2"))) size_t copy_avx2(char *out, const char *bytes) {
        __m256i v = _mm256_loadu_si256((const __m256i_u *)bytes);
        __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
        __m256i quote = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')), backslash = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'));
        uint32_t escapes = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(control, _mm256_or_si256(quote, backslash)));

        _mm256_storeu_si256((__m256i_u *)out, v);
        return escapes ? (size_t)__builtin_ctz(escapes) : sizeof v;
}

static __attribute__((target("avx2"))) char *write_avx2(char *out, const char *bytes, size_t length) {
        return write_blocks(out, bytes, length, copy_avx2, sizeof(__m256i));
}
#endif

#ifdef __x86_64__
/* The C library has asked the processor already. In a virtual machine each question is a trap, and the compiler's own list takes some twenty. */
static bool has_avx2(void) {
#if __has_include(<sys/platform/x86.h>)
        return CPU_FEATURE_ACTIVE(AVX2);
#else
        __builtin_cpu_init(); /* this may be asked before the compiler's own constructors have run */
        return __builtin_cpu_supports("avx2");
#endif
}
#endif

static const struct json_text_way ways[] = {
        { "plain", write_plain },
#ifdef NAME_OF_BYTES16
        { NAME_OF_BYTES16, write_bytes16 },
#endif
#ifdef __x86_64__
        { "AVX2", write_avx2 },
#endif
};

const struct json_text_way *json_text_ways(size_t *ret_n) {
        size_t n = sizeof ways / sizeof ways[0];

#ifdef __x86_64__
        if (!has_avx2())
                n--;
#endif
        *ret_n = n;
        return ways;
}

json_text_writer *json_long_text = write_plain; /* until choose() has run */

static __attribute__((constructor)) void choose(void) {
        size_t n;
        const struct json_text_way *possible = json_text_ways(&n);

        json_long_text = possible[n - 1].write;
}
