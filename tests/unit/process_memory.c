#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/process_memory.h"

static void the_right_lines_are_added_up(void **state) {
        static const char text[] = "55c0c4d72000-7ffe61049000 ---p 00000000 00:00 0                          [rollup]\n"
                                   "Rss:                1624 kB\n"
                                   "Pss:                 165 kB\n"
                                   "Pss_Dirty:           112 kB\n"
                                   "Shared_Clean:       1472 kB\n"
                                   "Private_Clean:        40 kB\n"
                                   "Private_Dirty:       112 kB\n"
                                   "Private_Hugetlb:    2048 kB\n";
        struct process_memory memory;

        (void)state;
        assert_int_equal(process_memory_parse(text, &memory), 0);
        assert_int_equal(memory.rss_bytes, 1624 * 1024);
        assert_int_equal(memory.pss_bytes, 165 * 1024);
        assert_int_equal(memory.uss_bytes, (40 + 112 + 2048) * 1024);
}

static void a_missing_line_is_an_error(void **state) {
        struct process_memory memory = { .rss_bytes = 7 };

        (void)state;
        assert_int_equal(process_memory_parse("", &memory), -EBADMSG);
        assert_int_equal(process_memory_parse("Rss: 1 kB\nPss: 1 kB\nPrivate_Clean: 1 kB\n", &memory), -EBADMSG);
        assert_int_equal(process_memory_parse("Rss: x kB\nPss: 1 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 1 kB\n", &memory), -EBADMSG);
        assert_int_equal(memory.rss_bytes, 7);
}

static void private_memory_grows_when_it_is_written(void **state) {
        enum { BYTES = 8 << 20 };
        struct process_memory before, after;
        char *block;

        (void)state;
        assert_int_equal(process_memory_read(getpid(), &before), 0);
        assert_true(before.uss_bytes <= before.pss_bytes && before.pss_bytes <= before.rss_bytes && before.uss_bytes > 0);
        block = malloc(BYTES);
        assert_non_null(block);
        memset(block, 1, BYTES);
        assert_int_equal(process_memory_read(getpid(), &after), 0);
        assert_true(after.uss_bytes >= before.uss_bytes + BYTES * 9 / 10);
        assert_int_equal(block[BYTES / 2], 1);
        free(block);
}

static void no_process_no_memory(void **state) {
        struct process_memory memory;

        (void)state;
        assert_int_equal(process_memory_read(0x3fffffff, &memory), -ESRCH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_right_lines_are_added_up),
                cmocka_unit_test(a_missing_line_is_an_error),
                cmocka_unit_test(private_memory_grows_when_it_is_written),
                cmocka_unit_test(no_process_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
