#include "unit.h"

#include "gate/bytes.h"

enum { LENGTH = 27 };

/* Each byte at each place of a text that begins at each place of a word. */
static void a_value_ends_where_one_byte_at_a_time_says(void **state) {
        char text[8 + LENGTH];

        (void)state;
        for (unsigned int byte = 0; byte < 256; byte++)
                for (size_t from = 0; from < 8; from++)
                        for (size_t at = 0; at < LENGTH; at++) {
                                memset(text, 'v', sizeof text);
                                text[from + at] = (char)byte;
                                assert_int_equal(bytes_value_span(text + from, LENGTH), bytes_span(text + from, LENGTH, BYTE_VALUE));
                        }
}

static void what_stands_behind_a_tab_is_looked_at(void **state) {
        static const char text[] = "text/html,\t*/*;q=0.8 and so on\177";

        (void)state;
        assert_int_equal(bytes_value_span(text, sizeof text - 1), sizeof text - 2);
        assert_int_equal(bytes_value_span(text, 0), 0);
}

static void only_the_letters_are_the_same_in_both_cases(void **state) {
        char name[] = "host";

        (void)state;
        assert_int_equal(bytes_four("HoSt"), bytes_four("host"));
        for (size_t at = 0; at < 4; at++)
                for (unsigned int byte = 0; byte < 256; byte++) {
                        memcpy(name, "host", 4);
                        name[at] = (char)byte;
                        assert_int_equal(bytes_four(name) == bytes_four("host"), bytes_are(name, 4, "host", 4));
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_value_ends_where_one_byte_at_a_time_says),
                cmocka_unit_test(what_stands_behind_a_tab_is_looked_at),
                cmocka_unit_test(only_the_letters_are_the_same_in_both_cases),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
