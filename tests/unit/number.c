#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"

static void reads_digits_only(void **state) {
        static const struct {
                const char *text;
                int result;
                uint64_t value;
        } cases[] = {
                { "0", 0, 0 },           { "007", 0, 7 },         { "18446744073709551615", 0, UINT64_MAX },
                { "", -EINVAL, 0 },      { "+1", -EINVAL, 0 },    { "-1", -EINVAL, 0 },
                { " 1", -EINVAL, 0 },    { "1 ", -EINVAL, 0 },    { "0x1", -EINVAL, 0 },
                { "1.0", -EINVAL, 0 },   { "1e3", -EINVAL, 0 },   { "18446744073709551616", -ERANGE, 0 },
                { "99999999999999999999999999x", -EINVAL, 0 },    { "99999999999999999999999999", -ERANGE, 0 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint64_t value = 42;

                assert_int_equal(number_parse(cases[i].text, strlen(cases[i].text), &value), cases[i].result);
                assert_int_equal(value, cases[i].result == 0 ? cases[i].value : 42);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(reads_digits_only) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
