/* What a digest is made of: see docs/SPEC.md. Internal to work/ (and to its tests). CRC-32 is zlib's throughout. */
#ifndef RESTMARK_WORK_DIGEST_H
#define RESTMARK_WORK_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "codec/record.h"

/* Continues `crc` over `n` records: of each id, count and created_at as 24 bytes, then its texts, each with a zero byte behind it. */
uint32_t digest_records(uint32_t crc, const struct record *records, size_t n);

/* Continues `crc` over `length` bytes. */
uint32_t digest_bytes(uint32_t crc, const char *bytes, size_t length);

/* Writes copies of `n` records to `ret`, whose numbers are shifted by `seed`. The texts are views into the same bytes. */
void digest_shift(const struct record *records, size_t n, uint32_t seed, struct record *ret);

#endif
