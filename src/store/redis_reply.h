/* What Redis has answered to MGET. Inside the store room only. */
#ifndef RESTMARK_STORE_REDIS_REPLY_H
#define RESTMARK_STORE_REDIS_REPLY_H

#include <stdbool.h>

#include "store/redis_library.h"
#include "store/store.h"

/* Fills `values` with the `count` strings of the reply, which they are views of. Returns false, with the outcome and its cause in `cause` (`size` bytes),
 * if it does not hold them. */
bool redis_reply_read(const redisReply *reply, size_t count, struct encoded_record *values, enum store_outcome *ret, char *cause, size_t size);

#endif
