#include "http/router.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "http/route.h"
#include "unit.h"

static const char *const names[] = {
        "accounts", "addresses", "agents",    "articles", "assets", "authors",  "batches", "books",  "branches", "carts",   "categories",
        "channels", "comments",  "contacts",  "contracts", "coupons", "customers", "devices", "events", "files",   "groups",  "images",
        "invoices", "labels",    "members",   "messages", "orders", "payments", "products", "reviews", "tickets", "users",   "vendors",
};

static const struct route *find(const struct router *r, const char *path) {
        struct router_argument ignored[ROUTER_ARGUMENTS_MAX];

        return router_find(r, path, strlen(path), ignored);
}

static void every_route_is_found_by_its_path(void **state) {
        static const char *const forms[] = { "7", "a-Z_0/items", "7/items/3" };
        struct router *r = route_table_new();
        const struct route *last = NULL;
        char path[ROUTE_PATH_MAX];

        (void)state;
        assert_non_null(r);
        for (size_t i = 0; i < ELEMENTS(names); i++)
                for (size_t k = 0; k < ELEMENTS(forms); k++) {
                        const struct route *route;

                        (void)snprintf(path, sizeof path, "/%s/%s", names[i], forms[k]);
                        route = find(r, path);
                        assert_non_null(route);
                        assert_ptr_not_equal(route, last); /* each is registered by itself */
                        assert_int_equal(route->workload, WORKLOAD_SIBLING);
                        assert_memory_equal(route->pattern + 1, names[i], strlen(names[i]));
                        last = route;
                }
        assert_int_equal(find(r, "/")->workload, WORKLOAD_WELCOME);
        assert_int_equal(find(r, "/parse-msgpack")->workload, WORKLOAD_PARSE_MSGPACK);
        assert_int_equal(find(r, "/encode-json")->workload, WORKLOAD_ENCODE_JSON);
        assert_int_equal(find(r, "/transfer-data")->workload, WORKLOAD_TRANSFER_DATA);
        assert_int_equal(find(r, "/million-loop")->workload, WORKLOAD_MILLION_LOOP);
        assert_int_equal(find(r, "/record/0")->workload, WORKLOAD_RECORD);
        router_free(r);
}

static void what_is_no_route_is_not_found(void **state) {
        static const char *const paths[] = {
                "", "*", "//", "///", "/users", "/users/", "/users//items", "/users/7/", "/users/7/item", "/users/7/items/", "/users/7/items/3/",
                "/users/7/items/3/x", "/user/7", "/usersx/7", "/xusers/7", "/Users/7", "/users/7/ITEMS", "/users/a.b", "/users/a b", "/users/\xc3\xa9",
                "/users/0123456789012345678901234567890123", "/users/7/items/0123456789012345678901234567890123", "/record", "/record/",
                "/record/7/", "/record/7/items", "/records/7", "/parse-msgpack/", "/parse-msgpac", "/parse-msgpackk", "/million-loop/7", "/{id}",
                "users/7", "/items/7",
        };
        struct router *r = route_table_new();
        struct router_argument ignored[ROUTER_ARGUMENTS_MAX];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(paths); i++)
                if (find(r, paths[i]))
                        fail_msg("%s is taken by %s", paths[i], find(r, paths[i])->pattern);
        assert_null(router_find(r, "/users/7", 6, ignored)); /* the length counts, not a NUL */
        router_free(r);
}

static void arguments_are_told(void **state) {
        static const char path[] = "/users/a-b/items/01234567890123456789012345678901";
        struct router_argument arguments[ROUTER_ARGUMENTS_MAX] = { { 9, 9 }, { 9, 9 } };
        struct router *r = route_table_new();

        (void)state;
        assert_non_null(router_find(r, "/parse-msgpack", 14, arguments));
        assert_int_equal(arguments[0].at, 9);
        assert_non_null(router_find(r, path, sizeof path - 1, arguments));
        assert_int_equal(arguments[0].at, 7);
        assert_int_equal(arguments[0].length, 3);
        assert_int_equal(arguments[1].at, 17);
        assert_int_equal(arguments[1].length, ROUTER_ARGUMENT_BYTES);
        router_free(r);
}

static void patterns_are_looked_at(void **state) {
        struct router *r = router_new(12);
        static const int one = 1, two = 2;

        (void)state;
        assert_non_null(r);
        assert_int_equal(router_add(r, "/a/{x}", &one), 0);
        assert_int_equal(router_add(r, "/a/{y}", &two), -EEXIST);
        assert_int_equal(router_add(r, "/a/b", &two), 0);
        assert_int_equal(router_add(r, "a", &two), -EINVAL);
        assert_int_equal(router_add(r, "", &two), -EINVAL);
        assert_int_equal(router_add(r, "/{x", &two), -EINVAL);
        assert_int_equal(router_add(r, "/{x}/{y}/{z}", &two), -EINVAL);
        assert_ptr_equal(find(r, "/a/b"), &two);
        assert_ptr_equal(find(r, "/a/c"), &one);
        assert_null(find(r, "/a"));
        assert_int_equal(router_add(r, "/c/d/e/f/g/h/i/j/k/l/m", &one), -ENOSPC);
        router_free(r);
        assert_null(router_new(1 << 20));
}

static void many_that_differ_in_little_are_told_apart(void **state) {
        enum { N = 1000 };
        static char patterns[N][24];
        struct router *r = router_new(N);

        (void)state;
        assert_non_null(r);
        for (int i = 0; i < N; i++) {
                (void)snprintf(patterns[i], sizeof patterns[i], "/aaaa%03dbbb", i); /* the hash looks at both ends */
                assert_int_equal(router_add(r, patterns[i], patterns[i]), 0);
        }
        for (int i = 0; i < N; i++)
                assert_ptr_equal(find(r, patterns[i]), patterns[i]);
        assert_null(find(r, "/aaaa000bbc"));
        router_free(r);
}

static bool wanted(const char *method, const char *target) {
        return route_wants_body(method, strlen(method), target, strlen(target));
}

static void only_validate_wants_a_body(void **state) {
        static const char *const yes[] = { "/validate", "/validate?count=1", "/%76alidate", "http://x/validate", "http://x:8/validate?/x" };
        static const char *const no[] = { "/", "*", "/validate/", "/validat", "/validatee", "/?/validate", "http://x", "http://x?/validate", "http://validate", "//validate",
                                          "/validate%2f", "/validate%00", "/x/validate", "x:80" };
        char longer[600] = "/validate";

        (void)state;
        for (size_t i = 0; i < ELEMENTS(yes); i++) {
                assert_true(wanted("POST", yes[i]));
                assert_false(wanted("GET", yes[i]) || wanted("PUT", yes[i]) || wanted("post", yes[i]));
        }
        for (size_t i = 0; i < ELEMENTS(no); i++)
                assert_false(wanted("POST", no[i]));
        memset(longer + 9, 'x', 500);
        assert_false(wanted("POST", longer));
        longer[9] = '?';
        assert_true(wanted("POST", longer));
        assert_false(route_wants_body("POST", 4, "/validate", 8)); /* the length counts */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_route_is_found_by_its_path),
                cmocka_unit_test(what_is_no_route_is_not_found),
                cmocka_unit_test(arguments_are_told),
                cmocka_unit_test(patterns_are_looked_at),
                cmocka_unit_test(only_validate_wants_a_body),
                cmocka_unit_test(many_that_differ_in_little_are_told_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
