/* MGET record:0 … record:N−1, as it is sent. All keys are written once; a question for the first so many of them puts the command's head before them. */
#ifndef RESTMARK_STORE_REDIS_COMMAND_H
#define RESTMARK_STORE_REDIS_COMMAND_H

#include <stddef.h>

struct redis_command;

/* For at most `keys_max` keys; NULL for want of memory. */
struct redis_command *redis_command_new(size_t keys_max);
struct redis_command *redis_command_free(struct redis_command *command); /* NULL-safe; returns NULL */

/* The bytes that ask for the first `n` keys, 1 … keys_max; good until the next call. */
const char *redis_command_mget(struct redis_command *command, size_t n, size_t *ret_length);

#endif
