/* Pages are zero, and none is there before it is written. */
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "base/pages.h"

static size_t n_resident(void *pages, size_t bytes) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
        unsigned char there[1024];

        assert_true(bytes / page <= sizeof there);
        assert_int_equal(mincore(pages, bytes, there), 0);
        for (size_t i = 0; i < bytes / page; i++)
                n += there[i] & 1;
        return n;
}

static void none_is_there_before_it_is_written(void **state) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 40 * page;
        unsigned char *pages = pages_new(bytes);

        (void)state;
        assert_non_null(pages);
        assert_int_equal(n_resident(pages, bytes), 0);
        pages[7 * page + 5] = 1;
        assert_int_equal(n_resident(pages, bytes), 1);
        for (size_t i = 0; i < bytes; i++)
                assert_int_equal(pages[i], i == 7 * page + 5);
        pages_free(pages, bytes);
        assert_int_equal(mincore(pages, bytes, (unsigned char[1024]){ 0 }), -1);
}

static void what_cannot_be_had_is_refused(void **state) {
        (void)state;
        assert_null(pages_new((size_t)1 << 62));
        pages_free(NULL, 4096);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(none_is_there_before_it_is_written),
                cmocka_unit_test(what_cannot_be_had_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
