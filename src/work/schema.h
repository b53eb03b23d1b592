/* What a record has to be to be taken from a client (docs/SPEC.md). Pure. */
#ifndef RESTMARK_WORK_SCHEMA_H
#define RESTMARK_WORK_SCHEMA_H

#include "base/error.h"
#include "codec/record.h"

enum {
        SCHEMA_NAME_MAX = 100,          /* characters, as are … */
        SCHEMA_DESCRIPTION_MAX = 1000,  /* … these */
        SCHEMA_COUNT_MAX = 1000000,
};

#define SCHEMA_CREATED_AT_MAX 4102444800.0 /* the begin of 2100 */

/* Returns 0, or -EDOM with a sentence that names the first field that does not fit. The texts are valid UTF-8. */
int schema_check(const struct record *record, struct error *e);

#endif
