/* The driver for PostgreSQL: a few connections of a worker, each of which has one question at a time. Of questions one behind the other on one
 * connection, which pipeline mode would allow, a slow one would hold up those behind it; so they wait in a queue for whoever is free first. What is
 * pipelined are the statements of one transaction: two round trips instead of four.
 *
 * A question that takes too long is ended by the server, by `SET statement_timeout`: libpq 15 has nothing to cancel with that does not block
 * (PQcancel() connects and waits). Who does not come back even so, a second later, is closed. Inside the store room only. */
#ifndef RESTMARK_STORE_PG_POOL_H
#define RESTMARK_STORE_PG_POOL_H

#include "store/lookup.h"
#include "store/pg_hosts.h"
#include "store/pg_library.h"
#include "store/store_internal.h"

enum pg_state {
        PG_CLOSED,     /* until due_ms */
        PG_LOOKING_UP, /* waits for the addresses of the URL's names, until due_ms at most, as the next two */
        PG_CONNECTING,
        PG_PREPARING,
        PG_IDLE,
        PG_BUSY,
};

/* What the results that are to come belong to. */
enum pg_step {
        PG_STEP_SET_UP,
        PG_STEP_ASK,
        PG_STEP_WRITE,
        PG_STEP_ROLLBACK,
};

struct pg_pool;

struct pg_connection {
        struct store_watch watch; /* first: the loop's pointer is this one */
        struct pg_pool *pool;
        PGconn *conn; /* NULL: closed */
        enum pg_state state;
        uint32_t interest;     /* what the epoll set has of its socket */
        uint64_t due_ms;       /* UINT64_MAX: nothing is */
        unsigned int failures; /* in a row */
        /* The question that it is at: */
        enum pg_step step;
        unsigned int n_syncs;        /* results of Syncs that are still to come */
        enum store_query query;      /* of the ticket, which may be gone */
        struct store_ticket *ticket; /* NULL: nobody waits for the answer */
        PGresult *rows;
        enum store_outcome outcome;
        bool must_renew;             /* the connection is of no use afterwards */
        int64_t next_count;          /* of an update */
        char cause[256];             /* of an outcome that is not good */
};

struct pg_pool {
        struct store store; /* first */
        size_t n_open;      /* connections that can be asked */
        struct owned_record rows[STORE_ROWS_MAX];
        struct pg_hosts hosts;
        struct lookup *lookup;           /* of their names, for whoever is PG_LOOKING_UP; NULL: none */
        struct store_watch lookup_watch;
        size_t n;
        struct pg_connection connections[];
};

extern const struct store_driver pg_driver;

/* ---- pg_state.c: who can be asked ---- */

/* A connection can be asked, after it could not. */
void pg_state_gained(struct pg_connection *c);

/* The other way round, or it has failed again. */
void pg_state_lost(struct pg_connection *c, const char *why);

/* After the due_ms of a connection has changed. */
void pg_state_find_due(struct pg_pool *pool);

/* ---- pg_connection.c: a connection's life ---- */

void pg_connection_begin(struct pg_connection *c, uint64_t now_ms);

/* The event of the pool's lookup: those that waited for it go on. */
void pg_connection_looked_up(struct store_watch *watch, uint32_t events, uint64_t now_ms);

/* Goes on with connecting, after an event. Returns whether it is connected now. */
bool pg_connection_poll(struct pg_connection *c, uint64_t now_ms);

/* It is gone, or is given up: whoever waits is answered, and it is tried again. The second says what libpq says. */
void pg_connection_lose(struct pg_connection *c, const char *why, uint64_t now_ms);
void pg_connection_lose_by_message(struct pg_connection *c, uint64_t now_ms);
void pg_connection_close(struct pg_connection *c);

/* Sends what libpq has not sent yet, as far as the socket takes it. */
void pg_connection_flush(struct pg_connection *c, uint64_t now_ms);

/* ---- pg_question.c: what is said on it ---- */

/* Sends the SET and the statements. */
void pg_question_set_up(struct pg_connection *c, uint64_t now_ms);

/* Asks whatever waits, if anything does. */
void pg_question_serve(struct pg_connection *c, uint64_t now_ms);

/* Takes a result, which it frees. */
void pg_question_take(struct pg_connection *c, PGresult *result);

/* All results of a step are there: goes on with the next one, or ends. */
void pg_question_advance(struct pg_connection *c, uint64_t now_ms);

#endif
