/* Each way to write a long text, on each input: against a writer that looks at one byte after the other. */
#include "codec/json_long_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_string.h"
#include "unit.h"

enum { LENGTH_MAX = 200 };

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t random_next(void) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state;
}

/* By the rules alone, as Python's json.dumps(ensure_ascii=False) has them. */
static size_t expected_text(char *out, const char *bytes, size_t length) {
        static const char letters[] = "\bb\ff\nn\rr\tt\"\"\\\\";
        char *p = out;

        for (size_t i = 0; i < length; i++) {
                const char *letter = bytes[i] ? strchr(letters, bytes[i]) : NULL;

                while (letter && (letter - letters) % 2 != 0)
                        letter = strchr(letter + 1, bytes[i]);
                if (letter)
                        p += sprintf(p, "\\%c", letter[1]);
                else if ((unsigned char)bytes[i] < 0x20)
                        p += sprintf(p, "\\u%04x", (unsigned)bytes[i]);
                else
                        *p++ = bytes[i];
        }
        return (size_t)(p - out);
}

/* In memory of exactly the sizes of text and JSON: the sanitizer sees what is read or written beyond. */
static void check(const char *text, size_t length) {
        char expected[JSON_ESCAPE_MAX * LENGTH_MAX + 1], *bytes = malloc(length ? length : 1);
        size_t expected_length = expected_text(expected, text, length), n;
        const struct json_text_way *ways = json_text_ways(&n);

        assert_non_null(bytes);
        memcpy(bytes, text, length);
        assert_int_equal(json_string_length(bytes, length), expected_length);
        for (size_t i = 0; i <= n; i++) {
                char *out = malloc(expected_length ? expected_length : 1);
                char *end;

                assert_non_null(out);
                memset(out, 0x55, expected_length);
                end = (i < n ? ways[i].write : json_long_text)(out, bytes, length);
                if ((size_t)(end - out) != expected_length || memcmp(out, expected, expected_length) != 0)
                        fail_msg("%s: \"%.*s\" became \"%.*s\", expected \"%.*s\"", i < n ? ways[i].name : "the chosen one", (int)length, text,
                                 (int)(end - out), out, (int)expected_length, expected);
                free(out);
        }
        free(bytes);
}

static void any_byte_at_any_place(void **state) {
        char text[LENGTH_MAX];

        (void)state;
        for (size_t length = 0; length <= 3 * JSON_LONG_TEXT / 2; length++) {
                memset(text, 'a', sizeof text);
                check(text, length);
                for (size_t place = 0; place < length; place++)
                        for (int c = 0; c < 256; c += c < 0x22 || (c >= 0x5b && c < 0x5e) || c >= 0x7e ? 1 : 7) {
                                text[place] = (char)c;
                                if (c < 0x24 || c == '\\' || c == 0x7f || c == 0x80 || c == 0xff || (place + length) % 8 == 0)
                                        check(text, length);
                                text[place] = 'a';
                        }
        }
}

/* From texts with one byte in a hundred that must be escaped to those with hardly any other. */
static void random_texts(void **state) {
        static const char escaped[] = "\"\\\b\f\n\r\t\x01\x1f";

        (void)state;
        for (size_t i = 0; i < 100000; i++) {
                char text[LENGTH_MAX];
                size_t length = random_next() % (LENGTH_MAX + 1);
                const uint64_t in = 1 + random_next() % 100;

                for (size_t k = 0; k < length; k++) {
                        const uint64_t r = random_next();

                        text[k] = r % in == 0 ? escaped[(r >> 32) % (sizeof escaped - 1)] : (char)(r >> 40);
                }
                check(text, length);
        }
}

/* Which ways there are is the processor's business; that the best is taken is ours. */
static void the_best_way_is_taken(void **state) {
        const char *names[] = { "plain",
#if defined(__SSE2__)
                                "SSE2",
#elif defined(__aarch64__)
                                "NEON",
#endif
#ifdef __x86_64__
                                "AVX2",
#endif
        };
        size_t n;
        const struct json_text_way *ways = json_text_ways(&n);

        (void)state;
        for (size_t i = 0; i < n; i++)
                assert_string_equal(ways[i].name, names[i]);
        assert_ptr_equal(json_long_text, ways[n - 1].write);
#ifdef __x86_64__
        __builtin_cpu_init();
        assert_int_equal(n, __builtin_cpu_supports("avx2") ? ELEMENTS(names) : ELEMENTS(names) - 1);
#else
        assert_int_equal(n, ELEMENTS(names));
#endif
        for (size_t i = 0; i < n; i++)
                print_message("%s%s", names[i], i + 1 < n ? ", " : "\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_best_way_is_taken),
                cmocka_unit_test(any_byte_at_any_place),
                cmocka_unit_test(random_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
