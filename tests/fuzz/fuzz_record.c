/* Any bytes as a record and as a dataset's file. What must hold: no crash, both codecs of one mind, and what is accepted
 * survives encoding and decoding. The first byte chooses which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec/json_record.h"
#include "codec/msgpack_record.h"
#include "codec/tree.h"
#include "data/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(int holds) {
        if (!holds)
                abort();
}

static void encode_again(const struct record *record) {
        size_t capacity = msgpack_record_length_max(record), json_length = json_records_length(record, 1);
        char *memory = malloc(capacity), *json = malloc(json_length);
        struct buf b = buf_over(memory, capacity), out = buf_over(json, json_length);
        struct record again;
        struct error e;

        require(memory && json);
        require(msgpack_record_encode(&b, record) == 0);
        require(msgpack_record_decode(&(struct encoded_record){ (const uint8_t *)memory, (uint32_t)b.length }, &again, &e) == 0);
        require(again.id == record->id && again.count == record->count && again.name.length == record->name.length);
        require(json_records_encode(&out, record, 1) == 0 && out.length == json_length);
        free(memory);
        free(json);
}

static void fuzz_record(const uint8_t *bytes, size_t length) {
        struct encoded_record encoded = { bytes, (uint32_t)length };
        struct record a, b;
        struct error ea, eb;
        int ra = msgpack_record_decode(&encoded, &a, &ea), rb = tree_record_decode(&encoded, &b, &eb);

        require(ra == rb);
        if (ra < 0) {
                require(strcmp(ea.text, eb.text) == 0);
                return;
        }
        require(a.id == b.id && a.count == b.count && memcmp(&a.created_at, &b.created_at, sizeof a.created_at) == 0);
        require(a.name.bytes == b.name.bytes && a.name.length == b.name.length);
        encode_again(&a);
}

static void fuzz_dataset(const uint8_t *bytes, size_t length) {
        static char path[32];
        static int fd = -1;
        struct dataset *d = NULL;
        struct error e;

        if (fd < 0) {
                fd = memfd_create("dataset", MFD_CLOEXEC);
                require(fd >= 0);
                (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        }
        require(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, length, 0) == (ssize_t)length);
        if (dataset_new(path, 0, CODEC_TREE, &d, &e) < 0)
                require(d == NULL && strncmp(e.text, path, strlen(path)) == 0);
        else
                require(d->n_records > 0 && d->json[d->json_length - 1] == ']');
        dataset_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        if (length == 0)
                return 0;
        if (bytes[0] & 1)
                fuzz_record(bytes + 1, length - 1);
        else
                fuzz_dataset(bytes + 1, length - 1);
        return 0;
}
