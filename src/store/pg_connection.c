#include <stddef.h>
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

/* A URL in dbname is taken apart; what follows it has the last word, but for the fallback. An empty value is none. */
static void connect_to(struct pg_connection *c, const struct pg_parameters *where, uint64_t now_ms) {
        const struct store_options *options = c->pool->store.options;
        const char *const names[] = { "dbname", "host", "hostaddr", "port", "client_encoding", "fallback_application_name", "password", NULL };
        const char *const values[] = { options->url, where->host, where->hostaddr, where->port, "UTF8", "restmarkd", options->password, NULL };

        c->conn = pg.PQconnectStartParams(names, values, 1);
        c->state = PG_CONNECTING;
        if (!c->conn)
                pg_connection_lose(c, "there is no memory for a connection", now_ms);
        else if (pg.PQstatus(c->conn) == CONNECTION_BAD)
                pg_connection_lose_by_message(c, now_ms);
        else {
                (void)pg.PQsetNoticeProcessor(c->conn, ignore_notice, NULL);
                wait_to_connect(c, PGRES_POLLING_WRITING, now_ms);
        }
}

/* One lookup is for all connections that wait for it, and goes on when they have given it up. */
static void look_up(struct pg_connection *c, uint64_t now_ms) {
        struct pg_pool *pool = c->pool;
        char text[128];
        int r = 0;

        c->state = PG_LOOKING_UP;
        if (!pool->lookup)
                pool->lookup = lookup_begin(&pool->store, &pool->lookup_watch, &pool->hosts.names, &r);
        if (pool->lookup)
                return;
        (void)snprintf(text, sizeof text, "its name cannot be looked up: %s", strerror(-r));
        pg_connection_lose(c, text, now_ms);
}

void pg_connection_begin(struct pg_connection *c, uint64_t now_ms) {
        static const struct pg_parameters as_in_the_url;

        c->due_ms = now_ms + c->pool->store.options->connect_timeout_ms;
        if (c->pool->hosts.names.n > 0)
                look_up(c, now_ms);
        else
                connect_to(c, &as_in_the_url, now_ms);
}

void pg_connection_looked_up(struct store_watch *watch, uint32_t events, uint64_t now_ms) {
        struct pg_pool *pool = (struct pg_pool *)(void *)((char *)watch - offsetof(struct pg_pool, lookup_watch));
        const struct lookup_answer *answer = pool->lookup ? lookup_answer(pool->lookup) : NULL;
        struct pg_parameters where;
        bool is_found = answer && pg_hosts_write(&pool->hosts, answer, &where);

        (void)events;
        for (size_t i = 0; answer && i < pool->n; i++) {
                struct pg_connection *c = &pool->connections[i];

                if (c->state == PG_LOOKING_UP && is_found)
                        connect_to(c, &where, now_ms);
                else if (c->state == PG_LOOKING_UP)
                        pg_connection_lose(c, answer->why, now_ms);
        }
        if (answer)
                pool->lookup = lookup_end(&pool->store, pool->lookup);
        pg_state_find_due(pool);
}

void pg_connection_flush(struct pg_connection *c, uint64_t now_ms) {
        int r = pg.PQflush(c->conn);
        uint32_t events = r > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;

        if (r < 0)
                pg_connection_lose_by_message(c, now_ms);
        else if (events != c->interest && watch(c, events) < 0) /* the socket of a connection that is made stays the same */
                pg_connection_lose(c, "its socket cannot be watched", now_ms);
}
