/* A configuration for another restmarkd to go on with: every option with its value and where that was written, each text with its length
 * before it, so that it survives whatever it is. */
#ifndef RESTMARK_CONFIG_SAVED_H
#define RESTMARK_CONFIG_SAVED_H

#include <stdio.h>

#include "base/error.h"
#include "config/config.h"

/* The text of each value, in the order of the table; more than once for a list, once with "" for an empty one. */
typedef void (*config_text)(void *context, enum option_id id, const char *text);

void config_each(const struct config *config, config_text take, void *context);

void config_save(const struct config *config, FILE *to);

/* The reverse, from the file `fd`, of any position, which may hold anything. On success the caller owns *ret. Returns 0, or a negative errno value with a
 * sentence. */
int config_load_saved(int fd, struct config **ret, struct error *e);

#endif
