/* What was written for each option, before it is given a meaning. */
#ifndef RESTMARK_CONFIG_RAW_H
#define RESTMARK_CONFIG_RAW_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"

struct raw_value {
        char *text, *origin;    /* as in struct config; the latter NULL for a default */
        struct raw_value *next; /* more for a repeatable option */
};

struct raw_config {
        struct raw_value *values[OPTION_COUNT];
        unsigned int file_of[OPTION_COUNT]; /* which file has said so, 1 for the first that was read; 0: none */
        unsigned int n_files;               /* that were read until now */
        bool overridden[OPTION_COUNT];
};

/* Adds what was written for option `id` at `origin` (NULL: nowhere, it is a default); both are copied. A second value of an option that takes
 * one is an error. */
int raw_add(struct raw_config *raw, int id, const char *text, const char *origin, struct error *e);

/* Forgets what was written for an option. */
void raw_remove(struct raw_config *raw, int id);

/* Gives it all a meaning. On success the caller owns *ret. */
int raw_build(const struct raw_config *raw, struct config **ret, struct error *e);

/* Frees what is in it. */
void raw_release(struct raw_config *raw);

#endif
