#include "data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "codec/json_record.h"
#include "codec/msgpack_array.h"
#include "codec/msgpack_record.h"
#include "codec/tree.h"
#include "data/image.h"

#ifndef MADV_COLLAPSE /* Debian 12's C library does not know it */
#define MADV_COLLAPSE 25
#endif

/* Everything about the content that is known before the arena is made, which is then exactly as large as need be. */
struct plan {
        struct encoded_record *encoded; /* of all records of the image, into the image */
        size_t n_all;                   /* records of the image */
        size_t n;                       /* of which these many are used */
        size_t encoded_bytes;
};

static int count_records(const struct image *image, size_t n_wanted, struct plan *p, struct error *e) {
        int r = msgpack_array_count(image->bytes, image->length, &p->n_all, e);

        if (r < 0)
                return r;
        if (p->n_all == 0)
                return error_set(e, -EBADMSG, "has no records");
        if (p->n_all > DATASET_RECORDS_MAX)
                return error_set(e, -EBADMSG, "has %zu records; a dataset may have %d", p->n_all, DATASET_RECORDS_MAX);
        if (n_wanted > p->n_all)
                return error_set(e, -EBADMSG, "has %zu records, but the configuration asks for %zu", p->n_all, n_wanted);
        p->n = n_wanted ? n_wanted : p->n_all;
        return 0;
}

/* Proves all records that are used, and adds up what the arena has to hold. */
static int measure_records(struct plan *p, struct error *e) {
        p->encoded_bytes = 0;
        for (size_t i = 0; i < p->n; i++) {
                struct record record;
                int r = msgpack_record_decode(&p->encoded[i], &record, e);

                if (r < 0)
                        return error_prefix(e, r, "record %zu", i);
                p->encoded_bytes += p->encoded[i].length;
        }
        return 0;
}

static int plan_dataset(const struct image *image, size_t n_wanted, struct plan *p, struct error *e) {
        int r = count_records(image, n_wanted, p, e);

        if (r < 0)
                return r;
        p->encoded = calloc(p->n_all, sizeof *p->encoded);
        if (!p->encoded)
                return error_set_errno(e, ENOMEM, "cannot hold a table of %zu records", p->n_all);
        r = msgpack_array_split(image->bytes, image->length, p->encoded, p->n_all, e);
        if (r < 0)
                return r;
        return measure_records(p, e);
}

/* The arena's layout: the two tables first, whose elements need alignment; then the encoded bytes. */
static int fill_arena(struct dataset *d, const struct plan *p, struct error *e) {
        struct record *records = d->arena;
        struct encoded_record *encoded = (struct encoded_record *)(records + p->n);
        struct buf bytes = buf_over((char *)(encoded + p->n), p->encoded_bytes);

        for (size_t i = 0; i < p->n; i++) {
                encoded[i] = (struct encoded_record){
                        .bytes = (const uint8_t *)bytes.data + bytes.length,
                        .length = p->encoded[i].length,
                };
                buf_append(&bytes, p->encoded[i].bytes, p->encoded[i].length);
        }
        d->n_records = p->n;
        d->encoded = encoded;
        d->records = records;
        return msgpack_records_decode(encoded, p->n, records, e);
}

static int make_arena(struct dataset *d, const struct plan *p, struct error *e) {
        size_t size = p->n * (sizeof *d->records + sizeof *d->encoded) + p->encoded_bytes;
        int r;

        /* Pages of its own, shared for what only matters between master and workers: after fork nobody writes to them. */
        d->arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (d->arena == MAP_FAILED) {
                d->arena = NULL;
                return error_set_errno(e, errno, "cannot hold %zu records (%zu bytes)", p->n, size);
        }
        d->arena_bytes = size;
        r = fill_arena(d, p, e);
        if (r < 0)
                return r;
        if (mprotect(d->arena, size, PROT_READ) < 0)
                return error_set_errno(e, errno, "cannot make the dataset read-only");
        return 0;
}

enum {
        HUGE_PAGE = 2 << 20,    /* bytes; where huge pages are of another size, or there are none, small ones serve */
        HUGE_FROM = 64 << 10,   /* bytes of JSON that are worth one */
};

static size_t round_up(size_t n, size_t to) {
        return (n + to - 1) / to * to;
}

static size_t file_size(size_t length) {
        return length >= HUGE_FROM ? round_up(length, HUGE_PAGE) : length; /* a huge page is one of the file's, whole */
}

/* Only an aligned part of the address space can get huge pages. To be given back whole: *ret_room, of `size` and a huge page more. */
static void *map_aligned(int fd, size_t size, char **ret_room) {
        char *room = mmap(NULL, size + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        void *at;

        if (room == MAP_FAILED)
                return NULL;
        /* Not shared: up to Linux 6.6 a sealed file cannot be mapped so, not even to be read. */
        at = mmap(room + (round_up((uintptr_t)room, HUGE_PAGE) - (uintptr_t)room), size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
        if (at != MAP_FAILED) {
                *ret_room = room;
                return at;
        }
        (void)munmap(room, size + HUGE_PAGE); /* cannot fail: it is ours, whole */
        return NULL;
}

int dataset_join_pages(const struct dataset *d) {
        const size_t size = file_size(d->json_length);
        struct stat st;
        char *room;
        void *at;
        int r = 0;

        if (d->json_length < HUGE_FROM || (fstat(d->json_fd, &st) == 0 && (size_t)st.st_blocks * 512 >= size)) /* it has been done: else there is nothing behind the JSON, but where that happens to end in the last page */
                return 0;
        at = map_aligned(d->json_fd, size, &room);
        if (!at)
                return -errno;
        if (madvise(at, size, MADV_COLLAPSE) < 0)
                r = -errno;
        (void)munmap(room, size + HUGE_PAGE); /* as above */
        return r;
}

/* How much room the JSON gets while it is made: a little too much saves the time that measuring takes, as long as it is little. */
static size_t room_for_json(const struct dataset *d) {
        size_t bound = json_records_bound(d->records, d->n_records);

        return bound <= HUGE_PAGE ? bound : json_records_length(d->records, d->n_records);
}

static int encode_into(int fd, size_t room, const struct dataset *d, size_t *ret_length, struct error *e) {
        char *to = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        struct buf json = buf_over(to, room);
        int r;

        if (to == MAP_FAILED)
                return error_set_errno(e, errno, "cannot hold %zu bytes of JSON", room);
        r = json_records_encode(&json, d->records, d->n_records);
        (void)munmap(to, room); /* cannot fail: it is ours, whole */
        *ret_length = json.length;
        return r < 0 ? error_set(e, -EPROTO, "internal error: the JSON is longer than %zu bytes, as it was measured", room) : 0;
}

/* A file, so that it can be sent without a copy. Sealed, it stays as it is, whoever has a descriptor of it. */
static int make_json(struct dataset *d, struct error *e) {
        size_t room = room_for_json(d), length;
        void *json;
        int r = fd_size_budget(room, e);

        if (r < 0)
                return r;
        d->json_fd = memfd_create("restmark-json", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (d->json_fd < 0 || ftruncate(d->json_fd, (off_t)room) < 0)
                return error_set_errno(e, errno, "cannot make a file in memory for %zu bytes of JSON", room);
        r = encode_into(d->json_fd, room, d, &length, e);
        if (r < 0)
                return r;
        r = fd_size_budget(file_size(length), e);
        if (r < 0)
                return r;
        if (ftruncate(d->json_fd, (off_t)file_size(length)) < 0)
                return error_set_errno(e, errno, "cannot make a file in memory of %zu bytes", file_size(length));
        if (fcntl(d->json_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return error_set_errno(e, errno, "cannot seal the JSON");
        json = mmap(NULL, length, PROT_READ, MAP_PRIVATE, d->json_fd, 0); /* the file's own pages, as nobody writes to them */
        if (json == MAP_FAILED)
                return error_set_errno(e, errno, "cannot show the JSON");
        d->json = json;
        d->json_length = length;
        return 0;
}

static int make_tree(struct dataset *d, struct error *e) {
        /* json-c counts its output in an int. */
        if (d->json_length > INT_MAX - 16)
                return error_set(e, -EFBIG, "its JSON has %zu bytes, above json-c's limit of 2 GiB; use codec = struct",
                                 d->json_length);
        return tree_new(d->records, d->n_records, &d->tree, e);
}

static int dataset_from_image(const struct image *image, size_t n_wanted, enum codec codec, struct dataset **ret,
                              struct error *e) {
        struct plan plan = { .encoded = NULL };
        struct dataset *d = NULL;
        int r;

        r = plan_dataset(image, n_wanted, &plan, e);
        if (r < 0)
                goto out;
        d = calloc(1, sizeof *d);
        if (d)
                d->json_fd = -1;
        r = d ? make_arena(d, &plan, e) : error_set_errno(e, ENOMEM, "cannot make a dataset");
        if (r == 0 && make_json(d, e) < 0)
                r = -EIO; /* the system's fault, whichever it was */
        if (r == 0 && codec == CODEC_TREE)
                r = make_tree(d, e);
        if (r < 0)
                goto out;
        *ret = d;
        d = NULL;
out:
        dataset_free(d);
        free(plan.encoded);
        return r;
}

int dataset_new(const char *path, size_t n_records, enum codec codec, struct dataset **ret, struct error *e) {
        const char *name = path ? path : "built-in dataset";
        struct image image;
        int r;

        if (n_records > DATASET_RECORDS_MAX)
                return error_set(e, -ERANGE, "%s: %zu records asked for; a dataset may have %d", name, n_records,
                                 DATASET_RECORDS_MAX);
        if (path)
                r = image_read(path, &image, e);
        else
                r = image_generate(n_records ? n_records : DATASET_RECORDS_DEFAULT, &image, e);
        if (r < 0)
                return error_prefix(e, r, "%s", name);
        r = dataset_from_image(&image, n_records, codec, ret, e);
        image_deinit(&image);
        return r < 0 ? error_prefix(e, r, "%s", name) : 0;
}

struct dataset *dataset_free(struct dataset *d) {
        if (!d)
                return NULL;
        tree_free(d->tree);
        if (d->arena)
                (void)munmap(d->arena, d->arena_bytes); /* cannot fail: it is ours, whole */
        if (d->json)
                (void)munmap((void *)(uintptr_t)d->json, d->json_length);
        (void)fd_close(d->json_fd);
        free(d);
        return NULL;
}
