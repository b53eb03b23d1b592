/* The dataset: what all workloads work on, made once before the fork and never written again. */
#ifndef RESTMARK_DATA_DATASET_H
#define RESTMARK_DATA_DATASET_H

#include <stddef.h>

#include "base/error.h"
#include "codec/record.h"

enum {
        DATASET_RECORDS_DEFAULT = 1000,
        DATASET_RECORDS_MAX = 1000000,
};

#define DATASET_FILE_MAX_BYTES ((size_t)1 << 30)

struct tree; /* codec/tree.h */

struct dataset {
        size_t n_records;
        const struct encoded_record *encoded;
        const struct record *records; /* their texts are views into the encoded bytes */
        const char *json;             /* all records as one JSON array */
        size_t json_length;           /* bytes */
        struct tree *tree;            /* NULL in struct mode */
        int json_fd;                  /* a file in memory that begins with the JSON, whose pages `json` shows, and that nobody can change */
        /* The tables and the encoded bytes lie in here, read-only, as pages that a fork shares for good. */
        void *arena;
        size_t arena_bytes;
};

/* Makes a dataset of `n_records` (0: all of the file, or DATASET_RECORDS_DEFAULT). `path` NULL: the built-in records;
 * else a file: a MessagePack array of `bin`, each the encoding of a record; its first n_records are used, the rest is
 * checked for its shape only. Returns 0; -EBADMSG for bad content; -EIO when the system does not do its part; another negative errno when the file cannot be read
 * (-ENOENT, -EISDIR, -EFBIG, …), memory is short or n_records is above DATASET_RECORDS_MAX (-ERANGE). The sentence in `e`
 * begins with the path. Free with dataset_free(). */
int dataset_new(const char *path, size_t n_records, enum codec codec, struct dataset **ret, struct error *e);

/* NULL-safe, returns NULL. */
struct dataset *dataset_free(struct dataset *d);

/* Puts the JSON's pages together into a huge one, where it is worth it and the kernel makes one: pages that lie together are handled together when they are sent, which is a
 * seventh less work. Whoever does it first does it for all that have the file; it waits for the kernel's workers on all CPUs, for a part of a millisecond or some, and for memory if there is little. Not
 * while pages are on their way to a client. Returns 0, also if that is done, or a negative errno value: -EAGAIN if the pages are in use, by another process that does it, say. */
int dataset_join_pages(const struct dataset *d);

/* Writes the dataset's file. `path` "-" is standard output; else the file appears under its name when it is complete, in place
 * of a regular file of that name if there is one. Returns 0 or a negative errno; no half file is left behind. */
int dataset_write(const struct dataset *d, const char *path, struct error *e);

#endif
