#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends_until_full(void **state) {
        char memory[4];
        struct buf b = buf_over(memory, sizeof memory);

        (void)state;
        buf_append(&b, "abc", 3);
        assert_int_equal(b.length, 3);
        assert_false(b.overflow);
        buf_append(&b, "de", 2);
        assert_true(b.overflow);
        assert_int_equal(b.length, 3);
        assert_memory_equal(memory, "abc", 3);
}

static void printf_is_all_or_nothing(void **state) {
        char memory[8];
        struct buf b = buf_over(memory, sizeof memory);

        (void)state;
        buf_printf(&b, "%d", 1234567);
        assert_int_equal(b.length, 7);
        assert_false(b.overflow);
        buf_printf(&b, "%d", 8); /* the digit would fit, the NUL that vsnprintf adds would not */
        assert_true(b.overflow);
        assert_int_equal(b.length, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(appends_until_full),
                cmocka_unit_test(printf_is_all_or_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
