#include <math.h>
#include <string.h>

#include "codec/double_text.h"
#include "unit.h"

static const struct {
        uint64_t bits;
        const char *text;
} vectors[] = {
#include "vectors/double_text.inc"
};

static double from_bits(uint64_t bits) {
        double value;

        memcpy(&value, &bits, sizeof value);
        return value;
}

static void writes_what_python_writes(void **state) {
        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++) {
                char text[DOUBLE_TEXT_MAX + 1];
                size_t length = double_text(from_bits(vectors[i].bits), text);

                assert_in_range(length, 1, DOUBLE_TEXT_MAX);
                text[length] = '\0';
                assert_string_equal(text, vectors[i].text);
        }
}

static void has_no_text_for_what_is_not_finite(void **state) {
        char text[DOUBLE_TEXT_MAX];

        (void)state;
        assert_int_equal(double_text((double)INFINITY, text), 0);
        assert_int_equal(double_text((double)-INFINITY, text), 0);
        assert_int_equal(double_text((double)NAN, text), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writes_what_python_writes),
                cmocka_unit_test(has_no_text_for_what_is_not_finite),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
