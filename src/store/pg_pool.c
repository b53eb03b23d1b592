#include "store/pg_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* After each question's results comes one NULL; more of them mean that libpq waits for nothing any more, and has lost count. */
static void take_results(struct pg_connection *c, uint64_t now_ms) {
        unsigned int n_nulls = 0;

        while (c->n_syncs > 0 && n_nulls < 2 && !pg.PQisBusy(c->conn)) {
                PGresult *result = pg.PQgetResult(c->conn);

                n_nulls = result ? 0 : n_nulls + 1;
                if (result)
                        pg_question_take(c, result);
        }
        if (n_nulls == 2)
                pg_connection_lose(c, "libpq has no answer to a question", now_ms);
        else if (c->n_syncs == 0)
                pg_question_advance(c, now_ms);
}

static void ready(struct store_watch *w, uint32_t events, uint64_t now_ms) {
        struct pg_connection *c = (struct pg_connection *)(void *)w;

        if (!c->conn) /* closed by an event before this one */
                return;
        if (c->state == PG_CONNECTING) {
                if (pg_connection_poll(c, now_ms))
                        pg_question_set_up(c, now_ms);
                return;
        }
        if (!pg.PQconsumeInput(c->conn)) {
                pg_connection_lose_by_message(c, now_ms);
                return;
        }
        if (events & EPOLLOUT)
                pg_connection_flush(c, now_ms);
        if (!c->conn)
                return;
        if (c->state == PG_IDLE)
                (void)pg.PQisBusy(c->conn); /* reads notices and the like */
        else
                take_results(c, now_ms);
}

static void act_on(struct pg_connection *c, uint64_t now_ms) {
        if (c->state == PG_CLOSED)
                pg_connection_begin(c, now_ms);
        else if (c->state == PG_BUSY)
                pg_connection_lose(c, "it has not ended a question within its timeout", now_ms);
        else if (c->state == PG_LOOKING_UP)
                pg_connection_lose(c, "its name was not looked up within connect-timeout", now_ms);
        else
                pg_connection_lose(c, "it has not answered within connect-timeout", now_ms);
}

static void run(struct store *store, uint64_t now_ms) {
        struct pg_pool *pool = (struct pg_pool *)(void *)store;

        for (size_t i = 0; store->due_ms <= now_ms && i < pool->n; i++)
                if (pool->connections[i].due_ms <= now_ms)
                        act_on(&pool->connections[i], now_ms);
        for (size_t i = 0; store->waiting.n > 0 && i < pool->n; i++)
                if (pool->connections[i].state == PG_IDLE)
                        pg_question_serve(&pool->connections[i], now_ms);
        pg_state_find_due(pool);
}

static void forget(struct store *store, struct store_ticket *ticket) {
        struct pg_connection *c = ticket->carrier;

        (void)store;
        c->ticket = NULL;
}

static void close_pool(struct store *store) {
        struct pg_pool *pool = (struct pg_pool *)(void *)store;

        for (size_t i = 0; i < pool->n; i++)
                pg_connection_close(&pool->connections[i]);
        pool->lookup = lookup_end(&pool->store, pool->lookup);
        free(pool);
}

static int refuse_passwords(const PQconninfoOption *parsed, struct error *e) {
        for (const PQconninfoOption *o = parsed; o && o->keyword; o++)
                if (o->val && (strcmp(o->keyword, "password") == 0 || strcmp(o->keyword, "sslpassword") == 0))
                        return error_set(e, -EINVAL, "a password does not belong here, where all see it who read the configuration: write it into a file, and the "
                                                     "file's name to password-file");
        return 0;
}

static int read_hosts(const char *url, struct pg_hosts *ret, struct error *e) {
        char *why = NULL;
        PQconninfoOption *parsed = pg.PQconninfoParse(url, &why);
        int r = 0;

        /* libpq's sentence may repeat what is not for a log. */
        if (!parsed)
                r = error_set(e, -EINVAL, "libpq does not understand it: write postgresql://USER@HOST/DATABASE, or postgresql://USER@/DATABASE?host=FOLDER "
                                          "for the socket in a folder");
        if (r == 0)
                r = refuse_passwords(parsed, e);
        if (r == 0)
                r = pg_hosts_read(parsed, ret, e);
        pg.PQconninfoFree(parsed);
        free(why);
        return r;
}

/* The connections are begun by the first run. */
static int open_pool(const struct store_options *options, const struct store_driver *driver, int epoll, unsigned int worker,
                     struct restmark_store_cell *cell, struct store **ret, struct error *e) {
        size_t n = (size_t)options->pool;
        struct pg_pool *pool = calloc(1, sizeof *pool + n * sizeof *pool->connections);
        int r = 0;

        if (!pool)
                return error_set_errno(e, ENOMEM, "cannot make the pool of %zu connections", n);
        r = read_hosts(options->url, &pool->hosts, e);
        if (r < 0) {
                free(pool);
                return r;
        }
        store_init(&pool->store, driver, options, epoll, worker, cell);
        pool->n = n;
        pool->lookup_watch.ready = pg_connection_looked_up;
        for (size_t i = 0; i < n; i++)
                pool->connections[i] = (struct pg_connection){ .watch = { .ready = ready }, .pool = pool, .state = PG_CLOSED };
        *ret = &pool->store;
        return 0;
}

static int check(const char *url, struct error *e) {
        struct pg_hosts hosts;

        return read_hosts(url, &hosts, e);
}

const struct store_driver pg_driver = {
        .name = "PostgreSQL",
        .library = PG_LIBRARY,
        .load = pg_library_load,
        .check = check,
        .open = open_pool,
        .run = run,
        .forget = forget,
        .close = close_pool,
};
