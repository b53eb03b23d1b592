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

static void reads_a_byte_of_two_hexadecimal_digits(void **state) {
        static const struct {
                const char *digits;
                int byte;
        } cases[] = { { "00", 0 },  { "0a", 10 }, { "0A", 10 }, { "ff", 255 }, { "Fe!", 254 }, { "90", 144 },
                      { "", -1 },   { "f", -1 },  { "g0", -1 }, { "0g", -1 },  { " 1", -1 },   { "-1", -1 } };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_int_equal(number_hex_byte(cases[i].digits), cases[i].byte);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(reads_digits_only), cmocka_unit_test(reads_a_byte_of_two_hexadecimal_digits) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
