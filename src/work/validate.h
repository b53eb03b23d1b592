/* POST /validate: records from outside, parsed, checked and encoded again. Inside the work room only. */
#ifndef RESTMARK_WORK_VALIDATE_H
#define RESTMARK_WORK_VALIDATE_H

#include "work/work.h"

/* `room` is for WORK_VALIDATE_COUNT_MAX records. *ret_json is the caller's to free. Returns 0; -EILSEQ if the body is no JSON, -EDOM if it is, but not what
 * was asked for, both with a sentence for the client; -ENOMEM. */
int validate(const struct work_params *p, enum codec codec, struct record *room, char **ret_json, size_t *ret_length, struct error *e);

#endif
