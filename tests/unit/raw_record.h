/* Encoded records made by hand, field by field, so that tests can put anything in a field's place. */
#ifndef RESTMARK_TESTS_RAW_RECORD_H
#define RESTMARK_TESTS_RAW_RECORD_H

#include <string.h>

#include "base/buf.h"
#include "codec/record.h"

enum { RAW_FIELDS = 6, RAW_RECORD_MAX = 4096 };

/* One key and its value, both as MessagePack. */
struct raw_field {
        const char *key;
        size_t key_length;
        const char *value;
        size_t value_length;
};

#define RAW_FIELD(k, v) { (k), sizeof(k) - 1, (v), sizeof(v) - 1 }

/* The record {"id":7,"name":"My name","description":"Some words","type":"U","count":33,"created_at":1.5}. */
static const struct raw_field raw_good[RAW_FIELDS] = {
        RAW_FIELD("\xa2id", "\x07"),
        RAW_FIELD("\xa4name", "\xa7My name"),
        RAW_FIELD("\xab" "description", "\xaaSome words"),
        RAW_FIELD("\xa4type", "\xa1U"),
        RAW_FIELD("\xa5" "count", "\x21"),
        RAW_FIELD("\xaa" "created_at", "\xcb\x3f\xf8\0\0\0\0\0\0"),
};

/* Packs a map of `n` (< 16) fields into `memory` (RAW_RECORD_MAX bytes). */
static inline struct encoded_record raw_record(uint8_t *memory, const struct raw_field *fields, size_t n) {
        struct buf b = buf_over((char *)memory, RAW_RECORD_MAX);
        char header = (char)(0x80 | n);

        buf_append(&b, &header, 1);
        for (size_t i = 0; i < n; i++) {
                buf_append(&b, fields[i].key, fields[i].key_length);
                buf_append(&b, fields[i].value, fields[i].value_length);
        }
        return (struct encoded_record){ .bytes = memory, .length = (uint32_t)b.length };
}

/* The good record with another value in one place. */
static inline struct encoded_record raw_record_with(uint8_t *memory, size_t field, const char *value, size_t length) {
        struct raw_field fields[RAW_FIELDS];

        memcpy(fields, raw_good, sizeof fields);
        fields[field].value = value;
        fields[field].value_length = length;
        return raw_record(memory, fields, RAW_FIELDS);
}

#endif
