#include "work/digest.h"

#include <endian.h>
#include <string.h>
#include <zlib.h>

/* zlib takes NULL for "begin anew", which no bytes at all are not. */
uint32_t digest_bytes(uint32_t crc, const char *bytes, size_t length) {
        return length == 0 ? crc : (uint32_t)crc32_z(crc, (const unsigned char *)bytes, length);
}

static uint32_t digest_text(uint32_t crc, struct text text) {
        return digest_bytes(digest_bytes(crc, text.bytes, text.length), "", 1);
}

static uint32_t digest_numbers(uint32_t crc, const struct record *r) {
        uint64_t words[] = { (uint64_t)r->id, (uint64_t)r->count, 0 };

        memcpy(&words[2], &r->created_at, sizeof words[2]);
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                words[i] = htole64(words[i]);
        return digest_bytes(crc, (const char *)words, sizeof words);
}

uint32_t digest_records(uint32_t crc, const struct record *records, size_t n) {
        for (size_t i = 0; i < n; i++) {
                crc = digest_numbers(crc, &records[i]);
                crc = digest_text(crc, records[i].name);
                crc = digest_text(crc, records[i].description);
                crc = digest_text(crc, records[i].type);
        }
        return crc;
}

/* A number whose 64 bits go round. */
static int64_t wrapping_sum(int64_t number, uint32_t seed) {
        return (int64_t)((uint64_t)number + seed);
}

void digest_shift(const struct record *records, size_t n, uint32_t seed, struct record *ret) {
        const double seconds = (double)seed * 39 / 4194304; /* exact for seed < 2^31; the spacing of the built-in records */

        for (size_t i = 0; i < n; i++) {
                ret[i] = records[i];
                ret[i].id = wrapping_sum(records[i].id, seed);
                ret[i].count = wrapping_sum(records[i].count, seed);
                ret[i].created_at = records[i].created_at + seconds;
        }
}
