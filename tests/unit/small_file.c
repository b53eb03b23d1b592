#include "base/small_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

/* What the linker puts in place of read(). */
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __real_read(int fd, void *to, size_t size);

static struct {
        bool in_crumbs;     /* one byte at a time, each after an interruption */
        bool interrupt_now; /* then */
        int error;          /* each read fails by it; 0: none */
} fault;

ssize_t __wrap_read(int fd, void *to, size_t size) {
        if (fault.error != 0) {
                errno = fault.error;
                return -1;
        }
        if (!fault.in_crumbs)
                return __real_read(fd, to, size);
        fault.interrupt_now = !fault.interrupt_now;
        if (!fault.interrupt_now)
                return __real_read(fd, to, size > 0 ? 1 : 0);
        errno = EINTR;
        return -1;
}

static const char *write_file(char path[static 64], const char *text) {
        FILE *to;
        int fd;

        (void)snprintf(path, 64, "/tmp/unit-small-file-XXXXXX");
        fd = mkstemp(path);
        assert_true(fd >= 0);
        to = fdopen(fd, "w");
        assert_non_null(to);
        assert_true(fputs(text, to) >= 0);
        assert_int_equal(fclose(to), 0);
        return path;
}

static void the_whole_text_is_read(void **state) {
        char path[64], text[8];

        (void)state;
        write_file(path, "1234\n67");
        assert_int_equal(small_file_read(path, text, sizeof text), 0);
        assert_string_equal(text, "1234\n67");
        fault.in_crumbs = true;
        memset(text, 'x', sizeof text);
        assert_int_equal(small_file_read(path, text, sizeof text), 0);
        assert_string_equal(text, "1234\n67");
        fault.in_crumbs = false;
        assert_int_equal(remove(path), 0);
}

static void what_does_not_fit_is_an_error(void **state) {
        char path[64], text[9] = "xxxxxxxx";

        (void)state;
        write_file(path, "12345678");
        assert_int_equal(small_file_read(path, text, sizeof text - 1), -EFBIG);
        assert_string_equal(text, "");
        assert_int_equal(text[8], '\0');
        assert_int_equal(small_file_read(path, text, sizeof text), 0);
        assert_int_equal(remove(path), 0);
}

static void what_cannot_be_read_leaves_no_text(void **state) {
        char path[64], text[8] = "x";

        (void)state;
        assert_int_equal(small_file_read("/tmp/there-is-no-such-folder/x", text, sizeof text), -ENOENT);
        assert_string_equal(text, "");
        write_file(path, "1");
        fault.error = ESRCH; /* as of a process that has just ended */
        assert_int_equal(small_file_read(path, text, sizeof text), -ESRCH);
        assert_string_equal(text, "");
        fault.error = 0;
        assert_int_equal(remove(path), 0);
}

static void a_line_is_found_by_its_begin(void **state) {
        static const char text[] = "oom 3\noom_kill 2\nx oom_group 5\nlast 4";

        (void)state;
        assert_string_equal(small_file_line(text, "oom_kill "), "2\nx oom_group 5\nlast 4");
        assert_string_equal(small_file_line(text, "last "), "4");
        assert_ptr_equal(small_file_line(text, ""), text);
        assert_null(small_file_line(text, "oom_group"));
        assert_null(small_file_line("", "oom"));
        assert_non_null(small_file_line("\n\nx", "x"));
}

static void only_digits_are_a_number(void **state) {
        static const char *const wrong[] = { "", "max\n", "-1\n", "\n5", "99999999999999999999\n" };
        uint64_t number = 7;
        char path[64];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(wrong); i++)
                assert_int_equal(small_file_find_number(wrong[i], "", &number), -EBADMSG);
        assert_int_equal(small_file_number("/tmp/there-is-no-such-folder/x", "", &number), -ENOENT);
        assert_int_equal(number, 7);
        write_file(path, "MemTotal:  5 kB\nMemAvailable:\t  18446744073709551615 kB\n");
        assert_int_equal(small_file_number(path, "MemFree:", &number), -EBADMSG);
        assert_int_equal(small_file_number(path, "MemAvailable:", &number), 0);
        assert_true(number == UINT64_MAX);
        assert_int_equal(remove(path), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_whole_text_is_read),
                cmocka_unit_test(what_does_not_fit_is_an_error),
                cmocka_unit_test(what_cannot_be_read_leaves_no_text),
                cmocka_unit_test(a_line_is_found_by_its_begin),
                cmocka_unit_test(only_digits_are_a_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
