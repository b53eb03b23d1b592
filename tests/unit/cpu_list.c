#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "config/cpu_list.h"

/* A CPU that this process may run on. */
static unsigned int some_cpu(void) {
        struct cpu_list all;
        struct error e;

        assert_int_equal(cpu_list_parse("auto", &all, &e), 0);
        assert_true(all.n > 0);
        return all.at[all.n - 1];
}

static void off_is_none(void **state) {
        struct cpu_list list = { .n = 3 };
        struct error e;

        (void)state;
        assert_int_equal(cpu_list_parse("off", &list, &e), 0);
        assert_int_equal(list.n, 0);
}

static void auto_is_all_that_are_allowed(void **state) {
        struct cpu_list list;
        struct error e;
        cpu_set_t allowed;

        (void)state;
        assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
        assert_int_equal(cpu_list_parse("auto", &list, &e), 0);
        assert_int_equal(list.n, CPU_COUNT(&allowed) < CPU_LIST_MAX ? CPU_COUNT(&allowed) : CPU_LIST_MAX);
        for (size_t i = 0; i < list.n; i++)
                assert_true(CPU_ISSET(list.at[i], &allowed));
}

static void numbers_and_ranges(void **state) {
        struct cpu_list list;
        struct error e;
        char text[64];

        (void)state;
        for (int is_range = 0; is_range <= 1; is_range++) {
                int length = snprintf(text, sizeof text, "%u", some_cpu());

                if (is_range)
                        (void)snprintf(text + length, sizeof text - (size_t)length, "-%u", some_cpu());
                assert_int_equal(cpu_list_parse(text, &list, &e), 0);
                assert_int_equal(list.n, 1);
                assert_int_equal(list.at[0], some_cpu());
        }
}

static void wrong_texts_are_refused_and_change_nothing(void **state) {
        static const char *const texts[] = { "", ",", "x", "-", "-1", "1-", "0x1", " 0", "3-1", "4096", "0-4096", "99999999999999999999", "off,0" };
        struct cpu_list list = { .n = 77 };
        struct error e;
        char text[64];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                e.text[0] = '\0';
                assert_true(cpu_list_parse(texts[i], &list, &e) < 0);
                assert_true(strlen(e.text) > 0);
        }
        (void)snprintf(text, sizeof text, "%u,%u", some_cpu(), some_cpu());
        assert_int_equal(cpu_list_parse(text, &list, &e), -EINVAL);
        assert_non_null(strstr(e.text, "twice"));
        assert_int_equal(list.n, 77);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(off_is_none),
                cmocka_unit_test(auto_is_all_that_are_allowed),
                cmocka_unit_test(numbers_and_ranges),
                cmocka_unit_test(wrong_texts_are_refused_and_change_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
