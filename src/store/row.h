/* Rows of a database, in the binary form of PostgreSQL's values, made into records. Every value is foreign: nothing of it is believed before it has
 * been looked at. Pure; no library's types. */
#ifndef RESTMARK_STORE_ROW_H
#define RESTMARK_STORE_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

enum { ROW_COLUMNS = 6, ROW_COLUMNS_OWNED = 7 }; /* with the owner's name behind the record's */

/* The numbers of types in pg_type, which never change. */
enum { ROW_TYPE_INT8 = 20, ROW_TYPE_TEXT = 25, ROW_TYPE_FLOAT8 = 701, ROW_TYPE_VARCHAR = 1043, ROW_TYPE_INT8_ARRAY = 1016 };

struct row_value {
        const char *bytes; /* NULL: the value is NULL */
        int length;
};

/* Whether the columns of an answer, by their types, are those of a record: 0, or -EBADMSG with a sentence. `n` is 6 or 7. */
int row_check_types(const uint32_t *types, size_t n, struct error *e);

/* Makes a row of `n` values (6 or 7), in the order id, name, description, type, count, created_at, owner. Texts are borrowed. Returns 0, or -EBADMSG with a
 * sentence that names the column; *ret is then without meaning. */
int row_read(const struct row_value *values, size_t n, struct owned_record *ret, struct error *e);

#endif
