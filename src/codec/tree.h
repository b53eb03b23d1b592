/* Tree mode: records as objects of msgpack-c and json-c, the like of Python's dicts. Same language accepted, same bytes
 * produced as in struct mode. */
#ifndef RESTMARK_CODEC_TREE_H
#define RESTMARK_CODEC_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "codec/record.h"

/* A json-c array of json-c objects, one per record. */
struct tree;

/* Builds the array from `records` (nothing of them is kept). Returns 0, or -ENOMEM / -E2BIG (a string of 2 GiB). */
int tree_new(const struct record *records, size_t n, struct tree **ret, struct error *e);
struct tree *tree_free(struct tree *t); /* NULL-safe, returns NULL */

/* Gives the first `n` objects the numbers of `records`, whose strings are those that the tree was made from. Returns 0, or -EINVAL
 * (a member is missing, which tree_new() rules out). */
int tree_set_numbers(struct tree *t, const struct record *records, size_t n, struct error *e);

/* Encodes the first `count` (≤ n) objects as a JSON array. The text belongs to the tree and lives until the next call or
 * tree_free(). Returns 0; -ENOMEM when json-c ran out of memory or of its 2 GiB. */
int tree_encode(struct tree *t, size_t count, const char **ret_json, size_t *ret_length, struct error *e);

/* The same for one object, the one at `position` (< n), without an array around it; the text belongs to the object. */
int tree_encode_one(struct tree *t, size_t position, const char **ret_json, size_t *ret_length, struct error *e);

/* Parses `json` with json-c, puts the members of each object into their usual order and encodes them. `json` is what json_record_decode(), or with
 * `is_array` json_records_decode(), has taken as these `records`: json-c lets much pass that is no JSON, or that it takes for something else, so the
 * struct decoder has the say here, too. *ret_json is the caller's to free. Returns 0, -ENOMEM, or -EPROTO (json-c does not take it). */
int tree_read_and_encode(const char *json, size_t length, const struct record *records, size_t n, bool is_array, char **ret_json, size_t *ret_length,
                         struct error *e);

/* Decodes each record with msgpack_unpack() into a tree of msgpack_objects, walks it to prove each field as
 * msgpack_records_decode() does, and drops it. Returns 0, -EBADMSG with the sentence that msgpack_records_decode() has
 * for the same bytes, or -ENOMEM. */
int tree_records_decode(const struct encoded_record *encoded, size_t n, struct error *e);

/* The same, and keeps the values that it found in the trees: in `records`, of the caller, which borrow from `encoded`. */
int tree_records_read(const struct encoded_record *encoded, size_t n, struct record *records, struct error *e);

/* One record, with its values; `ret` borrows from `encoded` and is untouched on failure. */
int tree_record_decode(const struct encoded_record *encoded, struct record *ret, struct error *e);

#endif
