/* The routes of this server and the methods that each answers. */
#ifndef RESTMARK_HTTP_ROUTE_H
#define RESTMARK_HTTP_ROUTE_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/router.h"
#include "work/work.h"

enum route_method { ROUTE_METHOD_GET, ROUTE_METHOD_HEAD, ROUTE_METHOD_OPTIONS, ROUTE_METHOD_POST, ROUTE_METHOD_OTHER };

struct route {
        const char *pattern; /* see http/router.h */
        enum workload workload;
        enum restmark_route cell; /* where the scoreboard counts it */
        bool has_arguments;
        bool is_posted; /* it takes POST, and not GET and HEAD */
};

enum { ROUTE_PATH_MAX = 96 }; /* bytes of a path that a route with arguments fits, with the terminating NUL */

/* What all routes together answer, as an Allow field lists it. */
#define ROUTE_ALLOW_ANY "GET, HEAD, POST, OPTIONS"

/* A router with all routes in it; NULL for want of memory. */
struct router *route_table_new(void);

/* The same, made at the first call and kept: called before workers are forked it is theirs together. */
const struct router *route_table(void);

/* What this route answers, as an Allow field lists it. */
const char *route_allow(const struct route *route);

/* Whether the method asks for the route's work. */
bool route_takes(const struct route *route, enum route_method method);

enum route_method route_method(const char *name);

/* Whether a request with this line has a body that its route wants (gate_limits). */
bool route_wants_body(const char *method, size_t method_length, const char *target, size_t target_length);

#endif
