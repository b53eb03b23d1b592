/* Any bytes as a record. What must hold: no crash, both codecs of one mind, and what is accepted survives encoding and decoding. */
#include <stdlib.h>
#include <string.h>

#include "codec/json_record.h"
#include "codec/msgpack_record.h"
#include "codec/tree.h"
#include "fuzz.h"

static void encode_again(const struct record *record) {
        size_t capacity = msgpack_record_length_max(record), json_length = json_records_length(record, 1);
        char *memory = malloc(capacity), *json = malloc(json_length);
        struct buf b = buf_over(memory, capacity), out = buf_over(json, json_length);
        struct record again;
        struct error e;

        MUST(memory && json);
        MUST(msgpack_record_encode(&b, record) == 0);
        MUST(msgpack_record_decode(&(struct encoded_record){ (const uint8_t *)memory, (uint32_t)b.length }, &again, &e) == 0);
        MUST(again.id == record->id && again.count == record->count && again.name.length == record->name.length);
        MUST(json_records_encode(&out, record, 1) == 0 && out.length == json_length);
        free(memory);
        free(json);
}

static void fuzz_record(const uint8_t *bytes, size_t length) {
        struct encoded_record encoded = { bytes, (uint32_t)length };
        struct record a, b;
        struct error ea, eb;
        int ra = msgpack_record_decode(&encoded, &a, &ea), rb = tree_record_decode(&encoded, &b, &eb);

        MUST(ra == rb);
        if (ra < 0) {
                MUST(strcmp(ea.text, eb.text) == 0);
                return;
        }
        MUST(a.id == b.id && a.count == b.count && memcmp(&a.created_at, &b.created_at, sizeof a.created_at) == 0);
        MUST(a.name.bytes == b.name.bytes && a.name.length == b.name.length);
        encode_again(&a);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        fuzz_record(bytes, length);
        return 0;
}
