/* Is this UTF-8? Nearly all text is ASCII, which is proved eight bytes at a time before anything is called. */
#ifndef RESTMARK_CODEC_UTF8_H
#define RESTMARK_CODEC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The full rules (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid_slowly(const char *bytes, size_t length);

static inline uint64_t utf8_load8(const char *p) {
        uint64_t w;

        memcpy(&w, p, sizeof w);
        return w;
}

static inline uint32_t utf8_load4(const char *p) {
        uint32_t w;

        memcpy(&w, p, sizeof w);
        return w;
}

static inline bool utf8_valid(const char *bytes, size_t length) {
        uint64_t high = 0; /* the OR of all bytes: bit 7 of each says "not ASCII" */

        if (length >= 8) {
                size_t i = 0;

                /* The last loads overlap those before, so that no byte is handled alone. */
                for (; i + 16 <= length; i += 16)
                        high |= utf8_load8(bytes + i) | utf8_load8(bytes + i + 8);
                if (i + 8 < length)
                        high |= utf8_load8(bytes + i);
                high |= utf8_load8(bytes + length - 8);
        } else if (length >= 4)
                high = utf8_load4(bytes) | utf8_load4(bytes + length - 4);
        else if (length > 0) /* the first, the middle, the last of at most three */
                high = (unsigned char)bytes[0] | (unsigned char)bytes[length / 2] | (unsigned char)bytes[length - 1];
        if (__builtin_expect((high & UINT64_C(0x8080808080808080)) == 0, 1))
                return true;
        return utf8_valid_slowly(bytes, length);
}

#endif
