#include "latency/hdr_decode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "latency/hdr_log.h"

/* Bits of a cookie that say how wide counts are; the others say what it is. */
enum { COOKIE_WIDTH = 0xf0 };

static uint64_t big_endian(const uint8_t *at, unsigned int bytes) {
        uint64_t value = 0;

        for (unsigned int i = 0; i < bytes; i++)
                value = value << 8 | at[i];
        return value;
}

/* The value of a digit of base64, or -1. */
static int base64_digit(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* `ret` has room for length / 4 * 3 bytes. */
static int base64(const char *text, size_t length, uint8_t *ret, size_t *ret_length, struct error *e) {
        size_t padding = 0, n = 0;
        uint32_t bits = 0;

        while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
                padding++;
        if (length == 0 || length % 4 != 0)
                return error_set(e, -EBADMSG, "base64 of %zu characters, which is no multiple of 4: it is cut off", length);
        for (size_t i = 0; i < length; i++) {
                int digit = i < length - padding ? base64_digit(text[i]) : 0;

                if (digit < 0)
                        return error_set(e, -EBADMSG, "character %zu of the histogram is none of base64", i + 1);
                bits = bits << 6 | (uint32_t)digit;
                if (i % 4 != 3)
                        continue;
                for (unsigned int k = 0; k < 3 && n < length / 4 * 3 - padding; k++)
                        ret[n++] = (uint8_t)(bits >> (16 - 8 * k));
                bits = 0;
        }
        *ret_length = n;
        return 0;
}

/* A varint as hdr_log.c writes it. Returns how many bytes it has, or 0: it is cut off. */
static size_t take_varint(const uint8_t *at, size_t left, int64_t *ret) {
        uint64_t value = 0;
        size_t n = 0;

        for (bool more = true; more; n++) {
                if (n == left)
                        return 0;
                more = n < HDR_VARINT_BYTES - 1 && at[n] & 0x80;
                value |= (uint64_t)(n < HDR_VARINT_BYTES - 1 ? at[n] & 0x7f : at[n]) << (7 * n);
        }
        *ret = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
        return n;
}

static int take_counts(const uint8_t *at, size_t left, struct hdr *ret, struct error *e) {
        size_t cell = 0, cells = hdr_cell(HDR_HIGHEST_US) + 1;
        uint64_t total = 0;

        while (left > 0) {
                int64_t number;
                size_t n = take_varint(at, left, &number);

                if (n == 0)
                        return error_set(e, -EBADMSG, "the histogram's last count is cut off");
                at += n;
                left -= n;
                if (number <= 0) { /* so many empty cells; 0 is one */
                        uint64_t empty = number == 0 ? 1 : 0 - (uint64_t)number;

                        if (empty > SIZE_MAX - cell)
                                return error_set(e, -EBADMSG, "the histogram has more cells than there are");
                        cell += empty;
                        continue;
                }
                if (cell >= cells)
                        return error_set(e, -ERANGE, "the histogram has a value above %d microseconds, which is no latency of restmark-load", HDR_HIGHEST_US);
                if (__builtin_add_overflow(total, (uint64_t)number, &total) || total > INT64_MAX)
                        return error_set(e, -ERANGE, "the histogram's counts are more than 63 bits together");
                ret->counts[cell++] = (uint64_t)number;
        }
        return 0;
}

int hdr_decode_plain(const uint8_t *bytes, size_t length, struct hdr *ret, struct error *e) {
        static const double one = 1;
        uint64_t cookie, ratio;

        memset(ret, 0, sizeof *ret);
        memcpy(&ratio, &one, sizeof ratio);
        if (length < HDR_HEADER_BYTES)
                return error_set(e, -EBADMSG, "the histogram has %zu bytes, and its header alone %d", length, HDR_HEADER_BYTES);
        cookie = big_endian(bytes, 4);
        if (cookie != HDR_COOKIE_V2)
                return error_set(e, -EBADMSG, "the histogram begins with %08" PRIx64 ", and V2 with %08x", cookie, (unsigned int)HDR_COOKIE_V2);
        if (big_endian(bytes + 4, 4) != length - HDR_HEADER_BYTES)
                return error_set(e, -EBADMSG, "the histogram has %zu bytes of counts, and says that they are %" PRIu64, length - HDR_HEADER_BYTES,
                                 big_endian(bytes + 4, 4));
        if (big_endian(bytes + 8, 4) != 0 || big_endian(bytes + 32, 8) != ratio)
                return error_set(e, -ENOTSUP, "the histogram is shifted or scaled, which restmark-load does not read");
        if (big_endian(bytes + 12, 4) != HDR_DIGITS || big_endian(bytes + 16, 8) != HDR_LOWEST_US)
                return error_set(e, -ENOTSUP, "the histogram has %" PRIu64 " digits from %" PRIu64 " on, and restmark-load's have %d from %d on: other cells, "
                                 "whose counts cannot be added",
                                 big_endian(bytes + 12, 4), big_endian(bytes + 16, 8), HDR_DIGITS, HDR_LOWEST_US);
        return take_counts(bytes + HDR_HEADER_BYTES, length - HDR_HEADER_BYTES, ret, e);
}

/* The bytes behind the compressed encoding's header. */
static int unpack(const uint8_t *bytes, size_t length, struct hdr *ret, struct error *e) {
        uLongf plain_length = HDR_PLAIN_BYTES_MAX;
        uint8_t *plain = malloc(plain_length);
        uLong used = length;
        int r;

        if (!plain)
                return error_set(e, -ENOMEM, "no memory for a histogram");
        switch (uncompress2(plain, &plain_length, bytes, &used)) {
        case Z_OK:
                r = used == length ? hdr_decode_plain(plain, plain_length, ret, e)
                                   : error_set(e, -EBADMSG, "%zu bytes behind the end of the histogram", length - used);
                break;
        case Z_MEM_ERROR:
                r = error_set(e, -ENOMEM, "no memory for a histogram");
                break;
        case Z_BUF_ERROR:
                r = error_set(e, -EBADMSG, "the histogram has more than the %d bytes that one of restmark-load can have, or is cut off", HDR_PLAIN_BYTES_MAX);
                break;
        default:
                r = error_set(e, -EBADMSG, "the histogram's compressed bytes are damaged");
        }
        free(plain);
        return r;
}

static int take_packed(const uint8_t *packed, size_t length, struct hdr *ret, struct error *e) {
        uint64_t cookie, says;

        if (length < HDR_COMPRESSED_HEADER_BYTES)
                return error_set(e, -EBADMSG, "the histogram has %zu bytes, and its header alone %d", length, HDR_COMPRESSED_HEADER_BYTES);
        cookie = big_endian(packed, 4);
        says = big_endian(packed + 4, 4);
        if ((cookie & ~(uint64_t)COOKIE_WIDTH) != (HDR_COOKIE_V2_COMPRESSED & ~COOKIE_WIDTH))
                return error_set(e, -ENOTSUP, "the histogram begins with %08" PRIx64 ", and HdrHistogram's compressed V2 encoding with %08x", cookie,
                                 (unsigned int)HDR_COOKIE_V2_COMPRESSED);
        length -= HDR_COMPRESSED_HEADER_BYTES;
        if (says != length)
                return error_set(e, -EBADMSG, "the histogram has %zu compressed bytes, and says that they are %" PRIu64, length, says);
        return unpack(packed + HDR_COMPRESSED_HEADER_BYTES, length, ret, e);
}

int hdr_decode(const char *text, size_t length, struct hdr *ret, struct error *e) {
        uint8_t *packed = malloc(length / 4 * 3 + 1);
        size_t packed_length;
        int r;

        memset(ret, 0, sizeof *ret);
        if (!packed)
                return error_set(e, -ENOMEM, "no memory for a histogram");
        r = base64(text, length, packed, &packed_length, e);
        if (r == 0)
                r = take_packed(packed, packed_length, ret, e);
        free(packed);
        return r;
}
