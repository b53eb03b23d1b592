/* The workloads: parameters in, a response's body out. No HTTP in here. */
#ifndef RESTMARK_WORK_WORK_H
#define RESTMARK_WORK_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codec/record.h"

enum {
        WORK_IDS_MAX = 100,
        WORK_SEARCH_TEXT_MAX = 64, /* bytes */
        WORK_SEARCH_ROWS_MAX = 100,
        WORK_SEARCH_ROWS_DEFAULT = 50,
};

enum workload {
        WORKLOAD_WELCOME,
        WORKLOAD_PARSE_MSGPACK,
        WORKLOAD_ENCODE_JSON,
        WORKLOAD_TRANSFER_DATA,
        WORKLOAD_MILLION_LOOP,
        WORKLOAD_VALIDATE,
        WORKLOAD_WAIT,
        WORKLOAD_RECORD,
        WORKLOAD_SIBLING,
        WORKLOAD_DB_RECORD, /* this and the following need a store's answer: work/stored.h */
        WORKLOAD_DB_RECORDS,
        WORKLOAD_DB_SEARCH,
        WORKLOAD_DB_UPDATE,
        WORKLOAD_CACHE_RECORDS,
        WORKLOAD_CACHE_JSON,
        _WORKLOAD_MAX,
};

struct dataset; /* data/dataset.h */

/* "welcome", "parse-msgpack", "encode-json", "transfer-data", "million-loop", "validate", "wait", "record", "sibling", "db-record",
 * "db-records", "db-search", "db-update", "cache-records", "cache-json". */
const char *workload_name(enum workload which);

/* What a database is asked for. */
struct work_asked {
        int64_t ids[WORK_IDS_MAX];
        size_t n_ids;
        char text[WORK_SEARCH_TEXT_MAX]; /* UTF-8 without a NUL character */
        size_t text_length;              /* bytes */
        uint32_t limit;                  /* rows at most; the caller sets its default */
};

/* What a request asks for; begins as the full work. */
struct work_params {
        size_t count;          /* the record workloads: the first so many records */
        uint64_t n;            /* the loop: steps */
        uint32_t wait_ms;      /* the wait: how long, before work_run() */
        uint32_t seed;         /* the loop's start, or the digest's */
        uint32_t digest_times; /* parse and encode: the digest's repetitions; 0: no digest is asked for */
        size_t count_max;      /* records of the dataset */
        enum workload which;
        char *body;            /* of the request, for those who validate; borrowed, and written over */
        size_t body_length;    /* bytes */
        bool has_count;        /* count was given */
        union {
                const char *path;         /* of the request, where it says what is asked for: the record, the sibling; borrowed */
                struct work_asked *asked; /* of the workloads that ask a database: the caller's memory */
        };
        unsigned seen;         /* which parameters have been set: each may be given once */
};

#define WORK_LOOP_STEPS_DEFAULT UINT64_C(1000000)
#define WORK_LOOP_STEPS_MAX UINT64_C(100000000)
#define WORK_VALIDATE_COUNT_MAX 1000u
#define WORK_WAIT_MS_DEFAULT 100u
#define WORK_WAIT_MS_MAX 60000u
#define WORK_SEED_MAX UINT32_C(2147483647)
#define WORK_DIGEST_TIMES_MAX 8u

/* What has been given so far needs a parameter more: a client that sends no other is to be refused. */
#define WORK_PARAMS_INCOMPLETE 1

/* `d` is needed for its number of records only. */
void work_params_init(struct work_params *p, enum workload which, const struct dataset *d);

/* Sets one parameter of a query, decoded from its %-escapes. `value` may be NULL ("?count" without "="). Returns 0, or -EINVAL
 * with a sentence for the client: unknown for this workload, repeated, empty, not made of decimal digits, out of range; or
 * WORK_PARAMS_INCOMPLETE with a sentence, which holds until a later call returns 0. */
int work_params_set(struct work_params *p, const char *key, size_t key_length, const char *value, size_t value_length,
                    struct error *e);

/* Whether a parameter is missing without which there is nothing to do: 0, or -EINVAL with a sentence for the client. */
int work_params_finish(const struct work_params *p, struct error *e);

/* Whether the work needs a store's answer, and work_run() is not for it. */
static inline bool work_is_stored(enum workload which) {
        return which >= WORKLOAD_DB_RECORD;
}

static inline bool work_is_cached(enum workload which) {
        return which >= WORKLOAD_CACHE_RECORDS;
}

/* One per worker: the memory that its requests reuse, sized for the dataset when it is made. */
struct work;

/* `d` is borrowed and must outlive it. CODEC_TREE needs a dataset with a tree. Returns 0, -ENOMEM, or -EINVAL. */
int work_new(const struct dataset *d, enum codec codec, struct work **ret, struct error *e);
struct work *work_free(struct work *w); /* NULL-safe, returns NULL */

enum work_body {
        WORK_BODY_STATIC, /* lives as long as the dataset or the program */
        WORK_BODY_REUSED, /* is written over by the next work_run() */
        WORK_BODY_INLINE, /* points into the response's own `text`: do not copy or move the response */
        WORK_BODY_OWNED,  /* malloc'ed; the caller frees it */
};

enum { WORK_TEXT_MAX = 96 }; /* bytes of an answer that is neither JSON nor static */

struct work_response {
        enum work_body body_kind;
        const char *content_type; /* static */
        const char *body;         /* not NUL-terminated */
        size_t body_length;       /* bytes */
        char text[WORK_TEXT_MAX];
};

/* Whether work_run() has nothing to do but to hand out what is there. */
bool work_is_ready(const struct work *w, const struct work_params *p);

/* Does the work in full and fills `ret`. Returns 0; -ENOENT (there is no such record), -EILSEQ (the body is no JSON) or -EDOM (it is, but not by the schema)
 * with a sentence for the client; -ENOMEM; or -EBADMSG (a
 * record does not decode, which dataset_new() rules out); `ret` is then without meaning and owns nothing. */
int work_run(struct work *w, enum workload which, const struct work_params *p, struct work_response *ret, struct error *e);

#endif
