#include <errno.h>
#include <stdlib.h>

#include "codec/msgpack_array.h"
#include "codec/msgpack_record.h"
#include "data/image.h"

#define TEXT(literal) { .bytes = (literal), .length = sizeof(literal) - 1 }

/* Record i of the original benchmark: only its id and the time differ, by a step that is exact in a double. */
static struct record builtin_record(size_t i) {
        return (struct record){
                .id = (int64_t)i,
                .name = TEXT("My name"),
                .description = TEXT("Some words on here so it looks full"),
                .type = TEXT("U"),
                .count = 33,
                .created_at = 1569882498.9117897 + (double)i * (39.0 / (1 << 22)),
        };
}

int image_generate(size_t n, struct image *ret, struct error *e) {
        const struct record first = builtin_record(0); /* its bound holds for all: the texts are the same */
        size_t element_max = MSGPACK_HEADER_MAX + msgpack_record_length_max(&first);
        size_t capacity = MSGPACK_HEADER_MAX + n * element_max;
        uint8_t *bytes, *smaller;
        struct buf b;

        bytes = malloc(capacity);
        if (!bytes)
                return error_set_errno(e, ENOMEM, "cannot hold %zu records", n);
        b = buf_over((char *)bytes, capacity);
        msgpack_array_header(&b, n);
        for (size_t i = 0; i < n; i++) {
                char memory[256];
                struct buf element = buf_over(memory, sizeof memory);
                const struct record record = builtin_record(i);

                /* A bin's header says the length of what follows: encode first. */
                if (msgpack_record_encode(&element, &record) < 0)
                        b.overflow = true;
                msgpack_bin_header(&b, element.length);
                buf_append(&b, element.data, element.length);
        }
        if (b.overflow) {
                free(bytes);
                return error_set(e, -EPROTO, "internal error: a record is longer than %zu bytes", element_max);
        }
        smaller = realloc(bytes, b.length);
        ret->bytes = smaller ? smaller : bytes;
        ret->length = b.length;
        return 0;
}
