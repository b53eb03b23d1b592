#include "store/pg_pool.h"
#include "store/redis_store.h"

const struct store_driver *store_database_driver(void) {
        return &pg_driver;
}

const struct store_driver *store_cache_driver(void) {
        return &redis_driver;
}
