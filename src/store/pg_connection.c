#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "store/pg_pool.h"

static void ignore_notice(void *context, const char *message) {
        char text[256];

        (void)context;
        if (log_enabled(LOG_DEBUG))
                log_message(LOG_DEBUG, "PostgreSQL: %s", store_first_line(message, text, sizeof text));
}

static int watch(struct pg_connection *c, uint32_t events) {
        c->interest = events;
        return store_watch_fd(&c->pool->store, &c->watch, pg.PQsocket(c->conn), events);
}

void pg_connection_close(struct pg_connection *c) {
        if (c->rows)
                pg.PQclear(c->rows);
        c->rows = NULL;
        if (c->conn)
                pg.PQfinish(c->conn); /* closes the socket, which takes it out of the epoll set */
        c->conn = NULL;
        c->n_syncs = 0;
}

void pg_connection_lose(struct pg_connection *c, const char *why, uint64_t now_ms) {
        struct store *store = &c->pool->store;
        struct store_ticket *ticket = c->ticket;
        char copy[256];

        (void)snprintf(copy, sizeof copy, "%s", why); /* which may be the library's own */
        pg_connection_close(c);
        c->ticket = NULL;
        c->failures++;
        c->due_ms = now_ms + store_backoff_ms(c->failures, &store->random);
        pg_state_lost(c, copy);
        if (ticket)
                store_answer_outcome(store, ticket, STORE_AWAY);
}

void pg_connection_lose_by_message(struct pg_connection *c, uint64_t now_ms) {
        char text[256];

        pg_connection_lose(c, store_first_line(pg.PQerrorMessage(c->conn), text, sizeof text), now_ms);
}

/* The socket is another one for each address that is tried. */
static void wait_to_connect(struct pg_connection *c, PostgresPollingStatusType what, uint64_t now_ms) {
        if (watch(c, what == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT) < 0)
                pg_connection_lose(c, "its socket cannot be watched", now_ms);
}

bool pg_connection_poll(struct pg_connection *c, uint64_t now_ms) {
        PostgresPollingStatusType what = pg.PQconnectPoll(c->conn);

        if (what == PGRES_POLLING_OK && pg.PQsetnonblocking(c->conn, 1) == 0 && pg.PQenterPipelineMode(c->conn) && watch(c, EPOLLIN) == 0) {
                c->state = PG_PREPARING;
                return true;
        }
        if (what == PGRES_POLLING_OK || what == PGRES_POLLING_FAILED)
                pg_connection_lose_by_message(c, now_ms);
        else
                wait_to_connect(c, what, now_ms);
        return false;
}

/* A URL in dbname is taken apart; what follows it has the last word, but for the fallback. */
void pg_connection_begin(struct pg_connection *c, uint64_t now_ms) {
        const struct store_options *options = c->pool->store.options;
        const char *password = *options->password ? options->password : NULL;
        const char *const names[] = { "dbname", "client_encoding", "fallback_application_name", password ? "password" : NULL, NULL };
        const char *const values[] = { options->url, "UTF8", "restmarkd", password, NULL };

        c->conn = pg.PQconnectStartParams(names, values, 1);
        c->state = PG_CONNECTING;
        c->due_ms = now_ms + options->connect_timeout_ms;
        if (!c->conn)
                pg_connection_lose(c, "there is no memory for a connection", now_ms);
        else if (pg.PQstatus(c->conn) == CONNECTION_BAD)
                pg_connection_lose_by_message(c, now_ms);
        else {
                (void)pg.PQsetNoticeProcessor(c->conn, ignore_notice, NULL);
                wait_to_connect(c, PGRES_POLLING_WRITING, now_ms);
        }
}

void pg_connection_flush(struct pg_connection *c, uint64_t now_ms) {
        int r = pg.PQflush(c->conn);
        uint32_t events = r > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;

        if (r < 0)
                pg_connection_lose_by_message(c, now_ms);
        else if (events != c->interest && watch(c, events) < 0) /* the socket of a connection that is made stays the same */
                pg_connection_lose(c, "its socket cannot be watched", now_ms);
}
