/* What [database] and [cache] become: drivers that are loaded, URLs that are looked at, passwords that are read. */
#ifndef RESTMARK_STORES_H
#define RESTMARK_STORES_H

#include <stdio.h>

#include "base/error.h"
#include "config/config.h"
#include "store/store.h"

struct stores {
        struct stores_options options;
        char database_password[STORE_PASSWORD_MAX], cache_password[STORE_PASSWORD_MAX];
};

/* Returns 0, or -EINVAL with a sentence and the option that is to blame. `ret` must stay where it is, and borrows from `config`. */
int stores_prepare(const struct config *config, struct stores *ret, enum option_id *ret_bad, struct error *e);

/* Two lines: whether there are drivers, and the libraries they need. */
void stores_print(FILE *to);

#endif
