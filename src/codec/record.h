/* The record that all workloads are about, decoded and encoded. Plain values: no library's types. */
#ifndef RESTMARK_CODEC_RECORD_H
#define RESTMARK_CODEC_RECORD_H

#include <stdint.h>

/* A view of somebody else's bytes: valid UTF-8, not NUL-terminated, may hold NUL characters. */
struct text {
        const char *bytes;
        uint32_t length; /* bytes */
};

struct record {
        int64_t id;
        struct text name;
        struct text description;
        struct text type;
        int64_t count;
        double created_at; /* seconds since 1970, finite */
};

/* With what a database has joined to it. */
struct owned_record {
        struct record record;
        struct text owner;
};

/* One MessagePack map; a view as well. */
struct encoded_record {
        const uint8_t *bytes;
        uint32_t length; /* bytes */
};

/* Which model of the data parse and encode work on. */
enum codec {
        CODEC_STRUCT, /* C structs, as Go and Rust do with theirs */
        CODEC_TREE,   /* objects of msgpack-c and json-c, the like of Python's dicts */
};

#endif
