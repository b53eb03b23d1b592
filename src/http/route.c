#include "http/route.h"

#include <stddef.h>
#include <string.h>

static const struct route routes[] = {
        { "/", WORKLOAD_WELCOME, RESTMARK_ROUTE_WELCOME },
        { "/parse-msgpack", WORKLOAD_PARSE_MSGPACK, RESTMARK_ROUTE_PARSE_MSGPACK },
        { "/encode-json", WORKLOAD_ENCODE_JSON, RESTMARK_ROUTE_ENCODE_JSON },
        { "/transfer-data", WORKLOAD_TRANSFER_DATA, RESTMARK_ROUTE_TRANSFER_DATA },
        { "/million-loop", WORKLOAD_MILLION_LOOP, RESTMARK_ROUTE_MILLION_LOOP },
};

const struct route *route_find(const char *path) {
        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
                if (strcmp(routes[i].path, path) == 0)
                        return &routes[i];
        return NULL;
}

/* Method names are case-sensitive (RFC 9110, 9.1). */
enum route_method route_method(const char *name) {
        if (strcmp(name, "GET") == 0)
                return ROUTE_METHOD_GET;
        if (strcmp(name, "HEAD") == 0)
                return ROUTE_METHOD_HEAD;
        if (strcmp(name, "OPTIONS") == 0)
                return ROUTE_METHOD_OPTIONS;
        return ROUTE_METHOD_OTHER;
}
