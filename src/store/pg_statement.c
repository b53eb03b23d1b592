#include "store/pg_statement.h"

#include <endian.h>
#include <string.h>

#include "store/row.h"

#define COLUMNS "id, name, description, type, count, created_at"

static const struct {
        const char *name, *sql;
        int n_parameters;
        Oid types[2];
} statements[PG_STATEMENTS] = {
        [PG_STATEMENT_RECORD] = { "r", "SELECT " COLUMNS " FROM record WHERE id = $1", 1, { ROW_TYPE_INT8 } },
        [PG_STATEMENT_RECORDS] = { "a", "SELECT " COLUMNS " FROM record WHERE id = ANY($1)", 1, { ROW_TYPE_INT8_ARRAY } },
        [PG_STATEMENT_SEARCH] = { "s",
                                  "SELECT r.id, r.name, r.description, r.type, r.count, r.created_at, o.name FROM record r JOIN owner o ON o.id = "
                                  "r.owner_id WHERE r.category = $1 ORDER BY r.created_at DESC, r.id DESC LIMIT $2",
                                  2,
                                  { ROW_TYPE_TEXT, ROW_TYPE_INT8 } },
        [PG_STATEMENT_LOCK] = { "l", "SELECT " COLUMNS " FROM record WHERE id = $1 FOR UPDATE", 1, { ROW_TYPE_INT8 } },
        [PG_STATEMENT_WRITE] = { "w", "UPDATE record SET count = $2 WHERE id = $1", 2, { ROW_TYPE_INT8, ROW_TYPE_INT8 } },
        [PG_STATEMENT_BEGIN] = { "b", "BEGIN", 0, { 0 } },
        [PG_STATEMENT_COMMIT] = { "c", "COMMIT", 0, { 0 } },
        [PG_STATEMENT_ROLLBACK] = { "x", "ROLLBACK", 0, { 0 } },
};

static const int binary[2] = { 1, 1 };

int pg_statement_prepare(PGconn *conn, enum pg_statement which) {
        return pg.PQsendPrepare(conn, statements[which].name, statements[which].sql, statements[which].n_parameters, statements[which].types);
}

static int send(PGconn *conn, enum pg_statement which, const char *const *values, const int *lengths) {
        return pg.PQsendQueryPrepared(conn, statements[which].name, statements[which].n_parameters, values, lengths, binary, 1) &&
               pg.PQpipelineSync(conn);
}

int pg_statement_send(PGconn *conn, enum pg_statement which) {
        return send(conn, which, NULL, NULL);
}

/* An array of numbers, of one dimension and without NULLs, as array_recv() reads it. */
static size_t write_array(const int64_t *ids, size_t n, char *to) {
        const uint32_t head[5] = { htobe32(1), htobe32(0), htobe32(ROW_TYPE_INT8), htobe32((uint32_t)n), htobe32(1) };
        char *p = (char *)memcpy(to, head, sizeof head) + sizeof head;

        for (size_t i = 0; i < n; i++) {
                const uint32_t length = htobe32(8);
                const uint64_t id = htobe64((uint64_t)ids[i]);

                memcpy(p, &length, 4);
                memcpy(p + 4, &id, 8);
                p += 12;
        }
        return (size_t)(p - to);
}

int pg_statement_ask(PGconn *conn, const struct store_ticket *t) {
        char array[20 + 12 * STORE_IDS_MAX];
        uint64_t number;
        const char *values[2];
        int lengths[2];

        if (t->query == STORE_RECORDS) {
                values[0] = array;
                lengths[0] = (int)write_array(t->ids, t->n_ids, array);
                return send(conn, PG_STATEMENT_RECORDS, values, lengths);
        }
        if (t->query == STORE_SEARCH) {
                number = htobe64(t->limit);
                values[0] = t->text.bytes;
                lengths[0] = (int)t->text.length;
                values[1] = (const char *)&number;
                lengths[1] = 8;
                return send(conn, PG_STATEMENT_SEARCH, values, lengths);
        }
        number = htobe64((uint64_t)t->ids[0]);
        values[0] = (const char *)&number;
        lengths[0] = 8;
        return send(conn, t->query == STORE_UPDATE ? PG_STATEMENT_LOCK : PG_STATEMENT_RECORD, values, lengths);
}

int pg_statement_write(PGconn *conn, int64_t id, int64_t count) {
        const uint64_t numbers[2] = { htobe64((uint64_t)id), htobe64((uint64_t)count) };
        const char *values[2] = { (const char *)&numbers[0], (const char *)&numbers[1] };
        const int lengths[2] = { 8, 8 };

        return send(conn, PG_STATEMENT_WRITE, values, lengths);
}
