#include "http/route.h"

#include <stddef.h>
#include <string.h>

#include "gate/target.h"

#define ALLOW_GET "GET, HEAD, OPTIONS"
#define ALLOW_POST "POST, OPTIONS"
#define VALIDATE "/validate" /* the one route that wants a body */

/* Three routes of a collection, which there are for the sake of their number. */
#define COLLECTION(name)                                                                    \
        { "/" name "/{id}", WORKLOAD_SIBLING, RESTMARK_ROUTE_SIBLING, true, false },               \
        { "/" name "/{id}/items", WORKLOAD_SIBLING, RESTMARK_ROUTE_SIBLING, true, false },         \
        { "/" name "/{id}/items/{item}", WORKLOAD_SIBLING, RESTMARK_ROUTE_SIBLING, true, false }

static const struct route routes[] = {
        { "/", WORKLOAD_WELCOME, RESTMARK_ROUTE_WELCOME, false, false },
        { "/parse-msgpack", WORKLOAD_PARSE_MSGPACK, RESTMARK_ROUTE_PARSE_MSGPACK, false, false },
        { "/encode-json", WORKLOAD_ENCODE_JSON, RESTMARK_ROUTE_ENCODE_JSON, false, false },
        { "/transfer-data", WORKLOAD_TRANSFER_DATA, RESTMARK_ROUTE_TRANSFER_DATA, false, false },
        { "/million-loop", WORKLOAD_MILLION_LOOP, RESTMARK_ROUTE_MILLION_LOOP, false, false },
        { VALIDATE, WORKLOAD_VALIDATE, RESTMARK_ROUTE_VALIDATE, false, true },
        { "/wait", WORKLOAD_WAIT, RESTMARK_ROUTE_WAIT, false, false },
        { "/record/{id}", WORKLOAD_RECORD, RESTMARK_ROUTE_RECORD, true, false },
        { "/db/record", WORKLOAD_DB_RECORD, RESTMARK_ROUTE_DB_RECORD, false, false },
        { "/db/records", WORKLOAD_DB_RECORDS, RESTMARK_ROUTE_DB_RECORDS, false, false },
        { "/db/search", WORKLOAD_DB_SEARCH, RESTMARK_ROUTE_DB_SEARCH, false, false },
        { "/db/update", WORKLOAD_DB_UPDATE, RESTMARK_ROUTE_DB_UPDATE, false, true },
        { "/cache/records", WORKLOAD_CACHE_RECORDS, RESTMARK_ROUTE_CACHE_RECORDS, false, false },
        { "/cache/json", WORKLOAD_CACHE_JSON, RESTMARK_ROUTE_CACHE_JSON, false, false },
        COLLECTION("accounts"),  COLLECTION("addresses"), COLLECTION("agents"),   COLLECTION("articles"), COLLECTION("assets"),
        COLLECTION("authors"),   COLLECTION("batches"),   COLLECTION("books"),    COLLECTION("branches"), COLLECTION("carts"),
        COLLECTION("categories"), COLLECTION("channels"), COLLECTION("comments"), COLLECTION("contacts"), COLLECTION("contracts"),
        COLLECTION("coupons"),   COLLECTION("customers"), COLLECTION("devices"),  COLLECTION("events"),   COLLECTION("files"),
        COLLECTION("groups"),    COLLECTION("images"),    COLLECTION("invoices"), COLLECTION("labels"),   COLLECTION("members"),
        COLLECTION("messages"),  COLLECTION("orders"),    COLLECTION("payments"), COLLECTION("products"), COLLECTION("reviews"),
        COLLECTION("tickets"),   COLLECTION("users"),     COLLECTION("vendors"),
};

enum { SEGMENTS_MAX = 4 }; /* of one pattern */

struct router *route_table_new(void) {
        const size_t n = sizeof routes / sizeof *routes;
        struct router *router = router_new(n * SEGMENTS_MAX);

        for (size_t i = 0; router && i < n; i++)
                if (router_add(router, routes[i].pattern, &routes[i]) < 0) /* a test sees to it that all fit */
                        router = router_free(router);
        return router;
}

const struct router *route_table(void) {
        static const struct router *table;

        if (!table)
                table = route_table_new();
        return table;
}

const char *route_allow(const struct route *route) {
        return route->is_posted ? ALLOW_POST : ALLOW_GET;
}

bool route_takes(const struct route *route, enum route_method method) {
        if (method == ROUTE_METHOD_GET || method == ROUTE_METHOD_HEAD)
                return !route->is_posted;
        return method == ROUTE_METHOD_POST && route->is_posted;
}

/* Method names are case-sensitive (RFC 9110, 9.1). */
enum route_method route_method(const char *name) {
        if (strcmp(name, "GET") == 0)
                return ROUTE_METHOD_GET;
        if (strcmp(name, "HEAD") == 0)
                return ROUTE_METHOD_HEAD;
        if (strcmp(name, "OPTIONS") == 0)
                return ROUTE_METHOD_OPTIONS;
        if (strcmp(name, "POST") == 0)
                return ROUTE_METHOD_POST;
        return ROUTE_METHOD_OTHER;
}

/* By the same path as router_find() gets. */
bool route_wants_body(const char *method, size_t method_length, const char *target, size_t target_length) {
        char copy[3 * TARGET_PATH_MAX], memory[TARGET_PATH_MAX];
        const char *path = memchr(target, '?', target_length), *end = path ? path : target + target_length;
        size_t length;

        if (method_length != 4 || memcmp(method, "POST", 4) != 0)
                return false;
        path = target;
        if (*path != '/') { /* behind the scheme and the host */
                path = memmem(path, (size_t)(end - path), "://", 3);
                path = path ? memchr(path + 3, '/', (size_t)(end - path - 3)) : NULL;
        }
        if (!path || (size_t)(end - path) >= sizeof copy)
                return false;
        memcpy(copy, path, (size_t)(end - path));
        copy[end - path] = '\0';
        path = target_path(copy, memory, &length);
        return length == sizeof VALIDATE - 1 && memcmp(path, VALIDATE, length) == 0;
}
