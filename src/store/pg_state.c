#include "base/log.h"
#include "shared/scoreboard.h"
#include "store/pg_pool.h"

static bool is_open(const struct pg_connection *c) {
        return c->state == PG_IDLE || c->state == PG_BUSY;
}

static void show(struct pg_pool *pool) {
        cell_set(&pool->store.cell->connections, pool->n_open);
}

/* That connections fail says nothing as long as there are others, or one that has not been tried yet. */
static bool is_away(const struct pg_pool *pool, uint64_t *ret_back_at_ms) {
        *ret_back_at_ms = UINT64_MAX;
        for (size_t i = 0; i < pool->n; i++) {
                const struct pg_connection *c = &pool->connections[i];

                if (is_open(c) || c->failures == 0)
                        return false;
                if (c->due_ms < *ret_back_at_ms)
                        *ret_back_at_ms = c->due_ms;
        }
        return true;
}

void pg_state_find_due(struct pg_pool *pool) {
        uint64_t due_ms = UINT64_MAX;

        for (size_t i = 0; i < pool->n; i++)
                if (pool->connections[i].due_ms < due_ms)
                        due_ms = pool->connections[i].due_ms;
        pool->store.due_ms = due_ms;
}

void pg_state_gained(struct pg_connection *c) {
        c->failures = 0;
        c->due_ms = UINT64_MAX;
        c->state = PG_IDLE;
        c->pool->n_open++;
        cell_add(&c->pool->store.cell->connects, 1);
        show(c->pool);
        store_is_back(&c->pool->store);
}

void pg_state_lost(struct pg_connection *c, const char *why) {
        struct pg_pool *pool = c->pool;
        uint64_t back_at_ms;

        if (is_open(c))
                pool->n_open--;
        c->state = PG_CLOSED;
        cell_add(&pool->store.cell->lost, 1);
        show(pool);
        if (is_away(pool, &back_at_ms))
                store_is_away(&pool->store, back_at_ms, why);
        else if (c->failures == 1)
                log_message(LOG_WARNING, "worker %u: a connection to %s is lost, or cannot be had: %s", pool->store.worker, pool->store.driver->name,
                            why);
        pg_state_find_due(pool);
}
