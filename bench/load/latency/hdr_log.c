#include "latency/hdr_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

static uint8_t *put_big_endian(uint8_t *at, uint64_t value, unsigned int bytes) {
        for (unsigned int i = bytes; i-- > 0;)
                *at++ = (uint8_t)(value >> (8 * i));
        return at;
}

/* LEB128, but with all eight bits in the ninth byte, of the zigzag code of a signed number. */
static uint8_t *put_varint(uint8_t *at, int64_t number) {
        uint64_t value = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);

        for (int i = 1; i < HDR_VARINT_BYTES && value > 0x7f; i++) {
                *at++ = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        *at++ = (uint8_t)value;
        return at;
}

/* Counts up to the last that is not 0; a run of zeros is its length, negative. */
static uint8_t *put_counts(uint8_t *at, const struct hdr *h) {
        int64_t zeros = 0;

        for (size_t i = 0; i < HDR_CELLS; i++) {
                if (h->counts[i] == 0) {
                        zeros++;
                        continue;
                }
                if (zeros == 1)
                        at = put_varint(at, 0);
                else if (zeros > 1)
                        at = put_varint(at, -zeros);
                zeros = 0;
                at = put_varint(at, (int64_t)h->counts[i]);
        }
        return at;
}

static size_t encode_plain(const struct hdr *h, uint8_t *memory) {
        static const double ratio = 1; /* integers to doubles */
        uint8_t *at = memory, *end = put_counts(memory + HDR_HEADER_BYTES, h);
        uint64_t bits;

        memcpy(&bits, &ratio, sizeof bits);
        at = put_big_endian(at, HDR_COOKIE_V2, 4);
        at = put_big_endian(at, (uint64_t)(end - memory) - HDR_HEADER_BYTES, 4);
        at = put_big_endian(at, 0, 4); /* normalising index offset */
        at = put_big_endian(at, HDR_DIGITS, 4);
        at = put_big_endian(at, HDR_LOWEST_US, 8);
        at = put_big_endian(at, HDR_HIGHEST_US, 8);
        (void)put_big_endian(at, bits, 8);
        return (size_t)(end - memory);
}

static char *base64(const uint8_t *bytes, size_t n) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char *text = malloc((n + 2) / 3 * 4 + 1), *at = text;

        if (!text)
                return NULL;
        for (size_t i = 0; i < n; i += 3) {
                uint32_t three = (uint32_t)bytes[i] << 16;

                if (i + 1 < n)
                        three |= (uint32_t)bytes[i + 1] << 8;
                if (i + 2 < n)
                        three |= bytes[i + 2];
                *at++ = digits[three >> 18];
                *at++ = digits[three >> 12 & 63];
                *at++ = i + 1 < n ? digits[three >> 6 & 63] : '=';
                *at++ = i + 2 < n ? digits[three & 63] : '=';
        }
        *at = '\0';
        return text;
}

char *hdr_encode(const struct hdr *h) {
        uint8_t *plain = malloc(HDR_PLAIN_BYTES_MAX), *packed = NULL;
        uLongf packed_length;
        char *text = NULL;
        size_t length;

        if (!plain)
                return NULL;
        length = encode_plain(h, plain);
        packed_length = compressBound(length);
        packed = malloc(HDR_COMPRESSED_HEADER_BYTES + packed_length);
        if (packed && compress(packed + HDR_COMPRESSED_HEADER_BYTES, &packed_length, plain, length) == Z_OK) {
                (void)put_big_endian(put_big_endian(packed, HDR_COOKIE_V2_COMPRESSED, 4), packed_length, 4);
                text = base64(packed, HDR_COMPRESSED_HEADER_BYTES + packed_length);
        }
        free(packed);
        free(plain);
        return text;
}

static int write_interval(FILE *to, const struct hdr_interval *i, struct error *e) {
        char *encoded = hdr_encode(i->values);

        if (!encoded)
                return error_set(e, -ENOMEM, "no memory to encode a histogram");
        if (i->tag)
                (void)fprintf(to, "Tag=%s,", i->tag);
        (void)fprintf(to, "%.3f,%.3f,%.3f,%s\n", (double)i->start_ms / 1000, (double)i->length_ms / 1000,
                      (double)hdr_summarise(i->values).max_us / 1000, encoded);
        free(encoded);
        return 0;
}

int hdr_log_write(FILE *to, const char *made_by, const struct hdr_interval *intervals, size_t n, struct error *e) {
        uint64_t start_ms = n ? intervals[0].start_ms : 0;
        time_t start_s = (time_t)(start_ms / 1000);
        char date[64] = "?";
        struct tm utc;
        int r = 0;

        if (gmtime_r(&start_s, &utc))
                (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
        (void)fprintf(to, "#[%s: latencies in microseconds]\n#[Histogram log format version 1.3]\n", made_by);
        (void)fprintf(to, "#[StartTime: %.3f (seconds since epoch), %s]\n", (double)start_ms / 1000, date);
        (void)fprintf(to, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
        for (size_t i = 0; r == 0 && i < n; i++)
                r = write_interval(to, &intervals[i], e);
        if (r == 0 && (fflush(to) != 0 || ferror(to)))
                return error_set_errno(e, errno, "cannot write the histogram's log");
        return r;
}
