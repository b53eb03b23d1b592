#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/pg_pool.h"
#include "store/pg_statement.h"
#include "store/row.h"

enum { GRACE_MS = 1000 /* for the server to end what takes too long, behind its timeout */ };

static void begin_step(struct pg_connection *c, enum pg_step step, unsigned int n_syncs) {
        c->step = step;
        c->n_syncs = n_syncs;
}

/* What was said comes to nothing, and why. The first reason counts: the others follow from it. */
static void fail(struct pg_connection *c, enum store_outcome outcome, const char *cause) {
        if (c->outcome != STORE_GOOD)
                return;
        c->outcome = outcome;
        (void)store_first_line(cause, c->cause, sizeof c->cause);
}

/* `ok` is libpq's 1, if it could take what was said; else the connection is of no use. */
static void sent(struct pg_connection *c, int ok, uint64_t now_ms) {
        if (ok)
                pg_connection_flush(c, now_ms);
        else
                pg_connection_lose_by_message(c, now_ms);
}

void pg_question_set_up(struct pg_connection *c, uint64_t now_ms) {
        char set[64];
        int ok;

        c->outcome = STORE_GOOD;
        c->must_renew = false;
        begin_step(c, PG_STEP_SET_UP, 1);
        (void)snprintf(set, sizeof set, "SET statement_timeout = %llu", (unsigned long long)c->pool->store.options->timeout_ms);
        ok = pg.PQsendQueryParams(c->conn, set, 0, NULL, NULL, NULL, NULL, 0);
        for (enum pg_statement s = 0; ok && s < PG_STATEMENTS; s++)
                ok = pg_statement_prepare(c->conn, s);
        sent(c, ok && pg.PQpipelineSync(c->conn), now_ms);
}

static void ask(struct pg_connection *c, struct store_ticket *ticket, uint64_t now_ms) {
        bool is_update = ticket->query == STORE_UPDATE;

        c->ticket = ticket;
        c->query = ticket->query;
        c->state = PG_BUSY;
        c->due_ms = now_ms + c->pool->store.options->timeout_ms + GRACE_MS;
        c->outcome = STORE_GOOD;
        begin_step(c, PG_STEP_ASK, is_update ? 2 : 1);
        sent(c, (!is_update || pg_statement_send(c->conn, PG_STATEMENT_BEGIN)) && pg_statement_ask(c->conn, ticket), now_ms);
}

void pg_question_serve(struct pg_connection *c, uint64_t now_ms) {
        struct store_ticket *ticket = store_take(&c->pool->store, c);

        if (ticket)
                ask(c, ticket, now_ms);
        pg_state_find_due(c->pool);
}

/* ---- results ---- */

/* By the SQLSTATE, of which the first two characters are the class (PostgreSQL's appendix A). */
static void take_error(struct pg_connection *c, const PGresult *result) {
        const char *state = pg.PQresultErrorField(result, PG_DIAG_SQLSTATE), *message = pg.PQresultErrorMessage(result);

        if (!state)
                state = "08000"; /* libpq's own: it has lost the server */
        if (strcmp(state, "57014") == 0 || strcmp(state, "55P03") == 0) /* query_canceled, lock_not_available */
                fail(c, STORE_LATE, message);
        else if (strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0) { /* connection lost, server shut down */
                fail(c, STORE_AWAY, message);
                c->must_renew = true;
        } else
                fail(c, STORE_WRONG, message);
        /* A plan that fits the table no more (feature_not_supported), a statement that somebody has dropped. */
        if (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0)
                c->must_renew = true;
}

/* COMMIT of a transaction that has failed is answered with ROLLBACK. */
static void take_command(struct pg_connection *c, PGresult *result) {
        const char *tag = pg.PQcmdStatus(result);

        if (c->step != PG_STEP_WRITE)
                return;
        if (strncmp(tag, "UPDATE", 6) == 0 && strcmp(pg.PQcmdTuples(result), "1") != 0)
                fail(c, STORE_WRONG, "an UPDATE of a row that was locked has not changed one row");
        else if (strcmp(tag, "ROLLBACK") == 0)
                fail(c, STORE_WRONG, "a transaction was rolled back");
}

void pg_question_take(struct pg_connection *c, PGresult *result) {
        switch (pg.PQresultStatus(result)) {
        case PGRES_PIPELINE_SYNC:
                c->n_syncs--;
                break;
        case PGRES_TUPLES_OK:
                if (c->rows)
                        pg.PQclear(c->rows);
                c->rows = result;
                return;
        case PGRES_COMMAND_OK:
                take_command(c, result);
                break;
        case PGRES_PIPELINE_ABORTED: /* because of the error before it */
                break;
        case PGRES_FATAL_ERROR:
                take_error(c, result);
                break;
        default:
                fail(c, STORE_WRONG, "the server has answered with what was not asked for");
        }
        pg.PQclear(result);
}

static int check_columns(const PGresult *rows, size_t n, struct error *e) {
        uint32_t types[ROW_COLUMNS_OWNED];

        if (pg.PQnfields(rows) != (int)n)
                return error_set(e, -1, "a row has %d columns, not %zu", pg.PQnfields(rows), n);
        for (size_t i = 0; i < n; i++)
                types[i] = pg.PQftype(rows, (int)i);
        return row_check_types(types, n, e);
}

static int read_rows(const struct pg_connection *c, struct owned_record *to, size_t *ret_n, struct error *e) {
        const PGresult *rows = c->rows;
        size_t n_columns = c->query == STORE_SEARCH ? ROW_COLUMNS_OWNED : ROW_COLUMNS;
        struct row_value values[ROW_COLUMNS_OWNED];
        int n = rows ? pg.PQntuples(rows) : -1, r;

        if (n < 0 || n > STORE_ROWS_MAX)
                return error_set(e, -1, "there are %d rows: is record.id the primary key?", n);
        r = check_columns(rows, n_columns, e);
        for (int row = 0; r == 0 && row < n; row++) {
                for (int i = 0; i < (int)n_columns; i++)
                        values[i] = (struct row_value){ .bytes = pg.PQgetisnull(rows, row, i) ? NULL : pg.PQgetvalue(rows, row, i),
                                                        .length = pg.PQgetlength(rows, row, i) };
                r = row_read(values, n_columns, &to[row], e);
        }
        *ret_n = (size_t)n;
        return r;
}

/* Reads the rows, if they are good; else says why they are not. */
static size_t take_rows(struct pg_connection *c) {
        struct error e;
        size_t n = 0;

        if (c->outcome == STORE_GOOD && read_rows(c, c->pool->rows, &n, &e) < 0)
                fail(c, STORE_WRONG, e.text);
        return c->outcome == STORE_GOOD ? n : 0;
}

/* ---- what follows from them ---- */

/* The texts of the rows are in the result, which must not be freed before the answer. */
static void end(struct pg_connection *c, uint64_t now_ms) {
        struct store *store = &c->pool->store;
        struct store_ticket *ticket = c->ticket;
        struct store_answer answer = { .rows = c->pool->rows };

        if (ticket) {
                answer.n_rows = take_rows(c);
                answer.outcome = c->outcome;
                if (c->query == STORE_UPDATE && answer.n_rows > 0)
                        c->pool->rows[0].record.count = c->next_count;
                if (c->outcome == STORE_WRONG)
                        store_complain(store, c->cause, now_ms);
                c->ticket = NULL;
                store_answer(store, ticket, &answer);
        }
        if (c->rows)
                pg.PQclear(c->rows);
        c->rows = NULL;
        if (c->must_renew)
                pg_connection_lose(c, c->cause, now_ms);
        else {
                c->state = PG_IDLE;
                c->due_ms = UINT64_MAX;
                pg_question_serve(c, now_ms);
        }
}

/* The row is locked, or is not there. */
static void write_row(struct pg_connection *c, uint64_t now_ms) {
        const struct record *record = &c->pool->rows[0].record;
        size_t n = c->ticket ? take_rows(c) : 0; /* who does not wait any more gets nothing changed */

        if (n == 0) {
                begin_step(c, PG_STEP_ROLLBACK, 1);
                sent(c, pg_statement_send(c->conn, PG_STATEMENT_ROLLBACK), now_ms);
                return;
        }
        c->next_count = store_next_count(record->count);
        begin_step(c, PG_STEP_WRITE, 2);
        sent(c, pg_statement_write(c->conn, record->id, c->next_count) && pg_statement_send(c->conn, PG_STATEMENT_COMMIT), now_ms);
}

void pg_question_advance(struct pg_connection *c, uint64_t now_ms) {
        if (c->step == PG_STEP_SET_UP && c->outcome != STORE_GOOD)
                pg_connection_lose(c, c->cause, now_ms);
        else if (c->step == PG_STEP_SET_UP) {
                pg_state_gained(c);
                pg_question_serve(c, now_ms);
        } else if (c->step == PG_STEP_ASK && c->query == STORE_UPDATE && !c->must_renew)
                write_row(c, now_ms);
        else
                end(c, now_ms);
}
