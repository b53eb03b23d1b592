/* Records as every encoder of ours and of the peers writes them: the fields in their usual order, strings below 64 KiB, created_at as a float 64. Each next key is
 * then known before it is read, and one comparison of its bytes, header and all, proves it. Internal to codec/. */
#ifndef RESTMARK_CODEC_MSGPACK_USUAL_H
#define RESTMARK_CODEC_MSGPACK_USUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/record.h"
#include "codec/utf8.h"
#include "codec/words.h"

#define USUAL_INLINE static inline __attribute__((always_inline))

#define USUAL_ID "\x86\xa2id" /* with the header of the map */
#define USUAL_NAME "\xa4name"
#define USUAL_DESCRIPTION "\xab" "description"
#define USUAL_TYPE "\xa4type"
#define USUAL_COUNT "\xa5" "count"
#define USUAL_CREATED_AT "\xaa" "created_at\xcb" /* with the header of the float */

/* The fewest bytes there can be from a place on to the record's end. As soon as so many are proved to be there, what is read next is: the longest of the
 * keys, and a number or header of 9 bytes, are shorter than the last of these. */
enum {
        USUAL_FROM_CREATED_AT = sizeof USUAL_CREATED_AT - 1 + 8,
        USUAL_FROM_COUNT = sizeof USUAL_COUNT - 1 + 1 + USUAL_FROM_CREATED_AT,
        USUAL_FROM_TYPE = sizeof USUAL_TYPE - 1 + 1 + USUAL_FROM_COUNT,
        USUAL_FROM_DESCRIPTION = sizeof USUAL_DESCRIPTION - 1 + 1 + USUAL_FROM_TYPE,
        USUAL_FROM_NAME = sizeof USUAL_NAME - 1 + 1 + USUAL_FROM_DESCRIPTION,
        USUAL_FROM_ID = sizeof USUAL_ID - 1 + 1 + USUAL_FROM_NAME,
};

#define USUAL_STARTS_WITH(p, literal) (memcmp((p), (literal), sizeof(literal) - 1) == 0)

/* Reads an integer of any encoding; returns what follows it, NULL if it is none or above INT64_MAX. */
USUAL_INLINE const uint8_t *usual_integer(const uint8_t *p, int64_t *ret) {
        uint8_t first = *p++;

        if (first < 0x80 || first >= 0xe0) {
                *ret = (int8_t)first;
                return p;
        }
        switch (first) {
        case 0xcc:
                *ret = *p;
                return p + 1;
        case 0xcd:
                *ret = load_be16(p);
                return p + 2;
        case 0xce:
                *ret = load_be32(p);
                return p + 4;
        case 0xcf:
        case 0xd3:
                *ret = (int64_t)load_be64(p);
                return first == 0xcf && *ret < 0 ? NULL : p + 8;
        case 0xd0:
                *ret = (int8_t)*p;
                return p + 1;
        case 0xd1:
                *ret = (int16_t)load_be16(p);
                return p + 2;
        case 0xd2:
                *ret = (int32_t)load_be32(p);
                return p + 4;
        default:
                return NULL;
        }
}

/* The bits of all bytes of a text, in the first eight or in all sixteen bytes. 16 bytes can be read from its start on, whatever its length. */
USUAL_INLINE bytes16 usual_bits(const uint8_t *bytes, size_t length) {
        bytes16 bits = load_bytes16(bytes);

        if (length < 16) {
                /* 0xff for the bytes that are of the text: read from the place where so many of them are left */
                static const uint8_t ours[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

                return bits & load_bytes16(ours + 16 - length);
        }
        for (size_t i = 16; i + 16 < length; i += 16)
                bits |= load_bytes16(bytes + i);
        return bits | load_bytes16(bytes + length - 16);
}

/* Reads a string behind which there are `rest` bytes or more; adds its bytes to `bits`. Returns what follows it, NULL if it is none, or unusual. */
USUAL_INLINE const uint8_t *usual_text(const uint8_t *p, const uint8_t *end, size_t rest, struct text *ret, bytes16 *bits) {
        uint8_t first = *p++;
        uint32_t length = first & 0x1f;

        if ((first & 0xe0) != 0xa0) {
                if (first == 0xd9)
                        length = *p++;
                else if (first == 0xda) {
                        length = load_be16(p);
                        p += 2;
                } else
                        return NULL;
        }
        if ((size_t)(end - p) < length + rest)
                return NULL;
        *bits |= usual_bits(p, length);
        *ret = (struct text){ .bytes = (const char *)p, .length = length };
        return p + length;
}

/* Fills `record` and returns true if the record is usual and valid in every respect. If not, another decoder has to look at it, and the content of
 * `record` is of no use. */
USUAL_INLINE bool usual_record_parse(const struct encoded_record *encoded, struct record *record) {
        const uint8_t *p = encoded->bytes, *end = p + encoded->length;
        bytes16 bits = { 0 };
        uint64_t real;

        if (encoded->length < USUAL_FROM_ID || !USUAL_STARTS_WITH(p, USUAL_ID))
                return false;
        p = usual_integer(p + sizeof USUAL_ID - 1, &record->id);
        if (!p || end - p < USUAL_FROM_NAME || !USUAL_STARTS_WITH(p, USUAL_NAME))
                return false;
        p = usual_text(p + sizeof USUAL_NAME - 1, end, USUAL_FROM_DESCRIPTION, &record->name, &bits);
        if (!p || !USUAL_STARTS_WITH(p, USUAL_DESCRIPTION))
                return false;
        p = usual_text(p + sizeof USUAL_DESCRIPTION - 1, end, USUAL_FROM_TYPE, &record->description, &bits);
        if (!p || !USUAL_STARTS_WITH(p, USUAL_TYPE))
                return false;
        p = usual_text(p + sizeof USUAL_TYPE - 1, end, USUAL_FROM_COUNT, &record->type, &bits);
        if (!p || !USUAL_STARTS_WITH(p, USUAL_COUNT))
                return false;
        p = usual_integer(p + sizeof USUAL_COUNT - 1, &record->count);
        if (!p || end - p != USUAL_FROM_CREATED_AT || !USUAL_STARTS_WITH(p, USUAL_CREATED_AT))
                return false;
        real = load_be64(p + sizeof USUAL_CREATED_AT - 1);
        memcpy(&record->created_at, &real, sizeof real);
        if ((real & UINT64_C(0x7ff0000000000000)) == UINT64_C(0x7ff0000000000000)) /* infinite, or not a number */
                return false;
        return !any_high_bit16(bits) || (utf8_valid(record->name.bytes, record->name.length) &&
                                         utf8_valid(record->description.bytes, record->description.length) &&
                                         utf8_valid(record->type.bytes, record->type.length));
}

#endif
