#include <stdbool.h>
#include <string.h>

#include "codec/utf8.h"
#include "unit.h"

static const struct {
        const char *bytes;
        size_t length;
        bool valid;
} vectors[] = {
        { BYTES(""), true },
        { BYTES("plain"), true },
        { BYTES("nul\0inside"), true },
        { BYTES("\x7f"), true },
        { BYTES("\xc2\x80"), true },         /* U+0080 */
        { BYTES("\xdf\xbf"), true },         /* U+07FF */
        { BYTES("\xe0\xa0\x80"), true },     /* U+0800 */
        { BYTES("\xed\x9f\xbf"), true },     /* U+D7FF */
        { BYTES("\xee\x80\x80"), true },     /* U+E000 */
        { BYTES("\xef\xbf\xbf"), true },     /* U+FFFF */
        { BYTES("\xf0\x90\x80\x80"), true }, /* U+10000 */
        { BYTES("\xf4\x8f\xbf\xbf"), true }, /* U+10FFFF */
        { BYTES("twelve bytes, then \xc3\xa9 and more"), true },
        { BYTES("\x80"), false },             /* a continuation alone */
        { BYTES("\xbf"), false },
        { BYTES("\xc0\x80"), false },         /* overlong NUL */
        { BYTES("\xc1\xbf"), false },
        { BYTES("\xc2"), false },             /* cut short */
        { BYTES("\xc2\x41"), false },
        { BYTES("\xe0\x9f\xbf"), false },     /* overlong */
        { BYTES("\xe1\x80"), false },
        { BYTES("\xe1\x80\x41"), false },
        { BYTES("\xed\xa0\x80"), false },     /* a surrogate */
        { BYTES("\xed\xbf\xbf"), false },
        { BYTES("\xf0\x8f\xbf\xbf"), false }, /* overlong */
        { BYTES("\xf1\x80\x80"), false },
        { BYTES("\xf1\x80\x80\x41"), false },
        { BYTES("\xf4\x90\x80\x80"), false }, /* U+110000 */
        { BYTES("\xf5\x80\x80\x80"), false },
        { BYTES("\xff"), false },
        { BYTES("\xfe\xff"), false },
};

static void tells_valid_from_invalid(void **state) {
        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++)
                if (utf8_valid(vectors[i].bytes, vectors[i].length) != vectors[i].valid)
                        fail_msg("vector %zu must be %s", i, vectors[i].valid ? "valid" : "invalid");
}

/* The fast path loads words that overlap: each place in texts of each length must be looked at. */
static void sees_one_bad_byte_anywhere(void **state) {
        char text[40];

        (void)state;
        for (size_t length = 1; length <= sizeof text; length++)
                for (size_t bad = 0; bad < length; bad++) {
                        memset(text, 'a', sizeof text);
                        assert_true(utf8_valid(text, length));
                        text[bad] = (char)0xff;
                        assert_false(utf8_valid(text, length));
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_valid_from_invalid),
                cmocka_unit_test(sees_one_bad_byte_anywhere),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
