/* The statements that a database is asked, their names on a connection, and their parameters in binary. Inside the store room only. */
#ifndef RESTMARK_STORE_PG_STATEMENT_H
#define RESTMARK_STORE_PG_STATEMENT_H

#include "store/pg_library.h"
#include "store/store.h"

enum pg_statement {
        PG_STATEMENT_RECORD,
        PG_STATEMENT_RECORDS,
        PG_STATEMENT_SEARCH,
        PG_STATEMENT_LOCK,
        PG_STATEMENT_WRITE,
        PG_STATEMENT_BEGIN,
        PG_STATEMENT_COMMIT,
        PG_STATEMENT_ROLLBACK,
        PG_STATEMENTS,
};

/* All of these return 1, or 0 as libpq does, with its own message. Each question is followed by a Sync of its own, so that its error is nobody
 * else's; the connection is in pipeline mode. */

/* Prepares it, without a Sync. */
int pg_statement_prepare(PGconn *conn, enum pg_statement which);

/* One without parameters. */
int pg_statement_send(PGconn *conn, enum pg_statement which);

/* The one that answers the ticket; of an update the lock. */
int pg_statement_ask(PGconn *conn, const struct store_ticket *ticket);

/* UPDATE … SET count = $2 WHERE id = $1 */
int pg_statement_write(PGconn *conn, int64_t id, int64_t count);

#endif
