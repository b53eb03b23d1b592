/* Answers that are made of what a database or a cache has brought: rows and encoded records in, a response's body out. */
#ifndef RESTMARK_WORK_STORED_H
#define RESTMARK_WORK_STORED_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "codec/record.h"
#include "work/work.h"

/* The answer to those of WORKLOAD_DB_… from the rows, whose texts are copied here, once. Of WORKLOAD_DB_RECORDS they may come in any order. Returns 0;
 * -ENOENT, if an id of `p` has no row, with a sentence for the client; or -ENOMEM. */
int work_rows(const struct work_params *p, const struct owned_record *rows, size_t n, struct work_response *ret, struct error *e);

/* The same for those of WORKLOAD_CACHE_… from the first `n` encoded records. Returns 0; -EBADMSG with a sentence for the log if one does not decode; or
 * -ENOMEM. */
int work_values(struct work *w, const struct work_params *p, const struct encoded_record *values, size_t n, struct work_response *ret,
                struct error *e);

#endif
