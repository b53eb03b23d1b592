#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "http/request_log.h"

static struct request_log *new_log(int fd, uint64_t sample, uint64_t slow_us) {
        const struct request_log_options options = { .access_log_fd = fd, .sample = sample, .slow_us = slow_us, .worker = 3 };
        struct request_log *log;
        struct error e;

        assert_int_equal(request_log_new(&options, &log, &e), 0);
        return log;
}

static struct access_log_entry entry_of(unsigned int status, uint64_t duration_us) {
        return (struct access_log_entry){
                .address = "127.0.0.1", .method = "GET", .target = "/", .status = status, .worker = 3, .duration_us = duration_us
        };
}

static bool chosen(struct request_log *log, unsigned int status, uint64_t duration_us) {
        struct access_log_entry entry = entry_of(status, duration_us);

        return request_log_chooses(log, &entry);
}

static void one_in_so_many_is_chosen_and_the_rest_if_it_matters(void **state) {
        struct request_log *log = new_log(-1, 4, 1000);
        struct access_log_entry aborted = entry_of(200, 5);
        unsigned int n = 0;

        (void)state;
        for (int i = 0; i < 400; i++)
                n += chosen(log, 200, 5);
        assert_int_equal(n, 100);

        assert_true(chosen(log, 200, 5)); /* in its turn; the next three are not */
        assert_true(chosen(log, 404, 5));
        assert_true(chosen(log, 500, 5));
        aborted.aborted = true;
        assert_true(request_log_chooses(log, &aborted));

        assert_true(chosen(log, 200, 5));
        assert_false(chosen(log, 399, 5));
        assert_false(chosen(log, 200, 1000)); /* not slower */
        assert_true(chosen(log, 200, 1001));
        assert_null(request_log_free(log));
}

static void without_sampling_each_is_chosen(void **state) {
        struct request_log *log = new_log(-1, 1, 1000);

        (void)state;
        for (int i = 0; i < 10; i++)
                assert_true(chosen(log, 200, 5));
        assert_null(request_log_free(log));
}

static void nothing_to_log_is_no_log(void **state) {
        (void)state;
        assert_null(new_log(-1, 1, 0));
        assert_null(request_log_free(NULL));
}

static void messages_about_slow_requests_are_bounded(void **state) {
        struct request_log *log = new_log(-1, 1, 1000);

        (void)state;
        for (int window = 0; window < 3; window++) {
                uint64_t now_ms = 5000 + (uint64_t)window * REQUEST_LOG_SLOW_WINDOW_MS;

                for (int i = 0; i < REQUEST_LOG_SLOW_MESSAGES; i++)
                        assert_true(request_log_may_tell(log, now_ms));
                assert_false(request_log_may_tell(log, now_ms));
                assert_false(request_log_may_tell(log, now_ms + REQUEST_LOG_SLOW_WINDOW_MS - 1));
        }
        assert_null(request_log_free(log));
}

static size_t read_back(int fd, char *text, size_t size) {
        ssize_t n = pread(fd, text, size - 1, 0);

        assert_true(n >= 0);
        text[n] = '\0';
        return (size_t)n;
}

static void lines_from_before_a_reopen_go_to_the_old_file(void **state) {
        int first = memfd_create("first", MFD_CLOEXEC), second = memfd_create("second", MFD_CLOEXEC);
        int first_again = fcntl(first, F_DUPFD_CLOEXEC, 3), second_again = fcntl(second, F_DUPFD_CLOEXEC, 3);
        struct request_log *log = new_log(first, 1, 0);
        struct access_log_entry entry = entry_of(200, 7);
        char text[512];

        (void)state;
        entry.target = "/before";
        request_log_add(log, &entry, 0);
        request_log_reopen(log, second);
        assert_int_equal(fcntl(first, F_GETFD), -1); /* it is closed … */
        assert_int_equal(errno, EBADF);
        entry.target = "/after";
        request_log_add(log, &entry, 0);
        request_log_run(log, 0);

        (void)read_back(first_again, text, sizeof text);
        assert_non_null(strstr(text, "\"GET /before\" 200 0 7us w3\n"));
        assert_null(strstr(text, "/after"));
        (void)read_back(second_again, text, sizeof text);
        assert_non_null(strstr(text, "\"GET /after\" 200 0 7us w3\n"));
        assert_null(strstr(text, "/before"));
        assert_null(request_log_free(log));
        assert_int_equal(fcntl(second, F_GETFD), -1);
        (void)fd_close(first_again);
        (void)fd_close(second_again);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_in_so_many_is_chosen_and_the_rest_if_it_matters),
                cmocka_unit_test(without_sampling_each_is_chosen),
                cmocka_unit_test(nothing_to_log_is_no_log),
                cmocka_unit_test(messages_about_slow_requests_are_bounded),
                cmocka_unit_test(lines_from_before_a_reopen_go_to_the_old_file),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
