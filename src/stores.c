#include "stores.h"

#include <errno.h>

#include "store/password.h"

static int load(const struct store_driver *driver, const char *url, struct error *e) {
        int r;

        if (!driver)
                return error_set(e, -ENOSYS, "this restmarkd is built without it: build it with -DRESTMARKD_STORES=ON");
        r = driver->load(e);
        return r < 0 ? r : driver->check(url, e);
}

static int blame(enum option_id id, enum option_id *ret_bad) {
        *ret_bad = id;
        return -EINVAL;
}

static int prepare_database(const struct config *c, struct stores *ret, enum option_id *ret_bad, struct error *e) {
        if (!*c->database_url)
                return 0;
        if (load(store_database_driver(), c->database_url, e) < 0)
                return blame(OPTION_database_url, ret_bad);
        if (password_read(c->database_password_file, "database-password", ret->database_password, e) < 0)
                return blame(OPTION_database_password_file, ret_bad);
        ret->options.database = (struct store_options){ .url = c->database_url,
                                                        .password = ret->database_password,
                                                        .pool = c->database_pool,
                                                        .queue_max = c->database_queue,
                                                        .timeout_ms = c->database_timeout_ms,
                                                        .connect_timeout_ms = c->database_connect_timeout_ms };
        return 0;
}

static int prepare_cache(const struct config *c, struct stores *ret, enum option_id *ret_bad, struct error *e) {
        if (!*c->cache_url)
                return 0;
        if (load(store_cache_driver(), c->cache_url, e) < 0)
                return blame(OPTION_cache_url, ret_bad);
        if (password_read(c->cache_password_file, "cache-password", ret->cache_password, e) < 0)
                return blame(OPTION_cache_password_file, ret_bad);
        ret->options.cache = (struct store_options){ .url = c->cache_url,
                                                     .password = ret->cache_password,
                                                     .pool = 1,
                                                     .queue_max = c->cache_queue,
                                                     .timeout_ms = c->cache_timeout_ms,
                                                     .connect_timeout_ms = c->cache_connect_timeout_ms };
        return 0;
}

int stores_prepare(const struct config *config, struct stores *ret, enum option_id *ret_bad, struct error *e) {
        int r = prepare_database(config, ret, ret_bad, e);

        return r == 0 ? prepare_cache(config, ret, ret_bad, e) : r;
}

static void print(const char *what, const struct store_driver *driver, FILE *to) {
        if (driver)
                (void)fprintf(to, "%s: %s, by %s, which is loaded if it is wanted\n", what, driver->name, driver->library);
        else
                (void)fprintf(to, "%s: none is built in\n", what);
}

void stores_print(FILE *to) {
        print("database", store_database_driver(), to);
        print("cache", store_cache_driver(), to);
}
