/* hiredis, loaded when it is wanted. Its versions do not fit each other: REDIS_LIBRARY is the SONAME of the one that this is built with. Inside the store room
 * only. */
#ifndef RESTMARK_STORE_REDIS_LIBRARY_H
#define RESTMARK_STORE_REDIS_LIBRARY_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "base/error.h"

#define REDIS_FUNCTIONS(F)                                                                                                     \
        F(redisAsyncCommandArgv) F(redisAsyncConnect) F(redisAsyncConnectUnix) F(redisAsyncFormattedCommand) F(redisAsyncFree)     \
        F(redisAsyncHandleRead) F(redisAsyncHandleWrite) F(redisAsyncSetConnectCallback) F(redisAsyncSetDisconnectCallback)

struct redis_library {
#define REDIS_FUNCTION(name) __typeof__(name) *name;
        REDIS_FUNCTIONS(REDIS_FUNCTION)
#undef REDIS_FUNCTION
};

/* Filled by redis_library_load(). */
extern struct redis_library redis;

int redis_library_load(struct error *e);

#endif
