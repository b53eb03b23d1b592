/* What can be called: the workloads by their names, with the parameters of their HTTP routes in one map. */
#ifndef RESTMARK_RPC_METHOD_H
#define RESTMARK_RPC_METHOD_H

#include <restmark/scoreboard.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "rpc/message.h"
#include "work/work.h"

struct method {
        const char *name; /* workload_name() of the workload */
        size_t name_length;
        enum workload workload;
        enum restmark_route cell; /* where the scoreboard counts it */
};

enum { METHOD_PATH_MAX = 32 };

/* NULL: there is none. */
const struct method *method_find(const char *name, size_t length);

/* Row `i` of all, NULL behind the last one. */
const struct method *method_at(size_t i);

/* Fills in `params`, which work_params_init() has begun, and `path` (METHOD_PATH_MAX bytes) that it then points to, from [] or [{name: number, …}]. A
 * body is borrowed from the message. `text`, if not NULL, gets them as a query would have them. Returns 0, or -EINVAL with a sentence for the client. */
int method_read_params(const struct method *method, const msgpack_object *given, struct work_params *params, char *path, struct buf *text,
                       struct error *e);

#endif
