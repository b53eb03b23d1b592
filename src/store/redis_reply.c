#include "store/redis_reply.h"

#include <stdio.h>
#include <string.h>

#include "store/store_internal.h"

bool redis_reply_read(const redisReply *reply, size_t count, struct encoded_record *values, enum store_outcome *ret, char *cause, size_t size) {
        static const char *const passing[] = { "LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY ", "TRYAGAIN" };

        *ret = STORE_WRONG;
        if (reply->type == REDIS_REPLY_ERROR) {
                for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
                        if (strncmp(reply->str, passing[i], strlen(passing[i])) == 0)
                                *ret = STORE_AWAY;
                (void)store_first_line(reply->str, cause, size);
                return false;
        }
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count) {
                (void)snprintf(cause, size, "MGET of %zu keys is not answered with as many values", count);
                return false;
        }
        for (size_t i = 0; i < count; i++) {
                const redisReply *one = reply->element[i];

                if (one->type != REDIS_REPLY_STRING || (size_t)one->len > UINT32_MAX) {
                        (void)snprintf(cause, size, "record:%zu is %s", i,
                                       one->type == REDIS_REPLY_NIL ? "missing, or no string" : "not a string");
                        return false;
                }
                values[i] = (struct encoded_record){ .bytes = (const uint8_t *)one->str, .length = (uint32_t)one->len };
        }
        *ret = STORE_GOOD;
        return true;
}
