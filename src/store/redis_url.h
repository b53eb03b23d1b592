/* Where a cache is: redis://[USER@]HOST[:PORT][/DATABASE] or unix://[USER@]/PATH[?db=DATABASE], as redis-py has them. Pure. */
#ifndef RESTMARK_STORE_REDIS_URL_H
#define RESTMARK_STORE_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct redis_url {
        bool is_unix;
        char host[256]; /* or the socket's path */
        uint16_t port;
        char user[64]; /* "" for none */
        uint32_t database;
};

/* Returns 0, or -EINVAL with a sentence that does not repeat the URL; *ret is then without meaning. */
int redis_url_parse(const char *url, struct redis_url *ret, struct error *e);

#endif
