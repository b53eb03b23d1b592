/* The static route table. */
#ifndef RESTMARK_HTTP_ROUTE_H
#define RESTMARK_HTTP_ROUTE_H

#include <restmark/scoreboard.h>

#include "work/work.h"

struct route {
        const char *path; /* percent-decoded, without query */
        enum workload workload;
        enum restmark_route cell; /* where the scoreboard counts it */
};

/* The methods that every route answers, as the Allow header lists them. */
#define ROUTE_ALLOW "GET, HEAD, OPTIONS"

enum route_method { ROUTE_METHOD_GET, ROUTE_METHOD_HEAD, ROUTE_METHOD_OPTIONS, ROUTE_METHOD_OTHER };

/* NULL if there is no such path. */
const struct route *route_find(const char *path);

enum route_method route_method(const char *name);

#endif
