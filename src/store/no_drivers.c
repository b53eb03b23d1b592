/* For a program that is built without (RESTMARKD_STORES=OFF). */
#include "store/store.h"

const struct store_driver *store_database_driver(void) {
        return NULL;
}

const struct store_driver *store_cache_driver(void) {
        return NULL;
}
