#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* ---- no room ---- */

static void limit_file_size(rlim_t bytes) {
        struct rlimit limit;

        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void add_target(struct access_log *log, const char *target) {
        struct access_log_entry entry = entry_of(200, 7);

        entry.target = target;
        access_log_add(log, &entry);
}

/* How often a line for this target is there; each line there is has to be whole. */
static unsigned int count_lines(int fd, const char *target) {
        static char text[1 << 18];
        char quoted[64];
        unsigned int n = 0;

        (void)read_back(fd, text, sizeof text);
        (void)snprintf(quoted, sizeof quoted, "\"GET %s\" 200 0 7us w3", target);
        for (char *line = text, *end; *line; line = end + 1) {
                end = strchr(line, '\n');
                assert_non_null(end);
                *end = '\0';
                assert_int_equal(strncmp(line, "127.0.0.1 - - [", 15), 0);
                assert_non_null(strstr(line, "7us w3"));
                assert_string_equal(strstr(line, "7us w3"), "7us w3");
                n += strstr(line, quoted) != NULL;
        }
        return n;
}

/* For each number of bytes that may still be written: also between two lines, and one byte before the end of one. */
static void no_line_is_torn_where_there_is_no_room(void **state) {
        static struct access_log log;
        char line[256];
        size_t length;

        (void)state;
        for (int sealed = 0; sealed < 2; sealed++) { /* a file that can only grow, as by `chattr +a`, keeps the beginning; the rest comes later */
                int probe = memfd_create("probe", MFD_CLOEXEC);

                access_log_init(&log, probe);
                add_target(&log, "/a");
                access_log_flush(&log);
                length = read_back(probe, line, sizeof line);
                (void)fd_close(probe);
                for (size_t room = 0; room <= 3 * length; room++) {
                        int fd = memfd_create("log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                        unsigned int whole = (unsigned int)(room / length);
                        bool begun = sealed && room % length > 0;

                        assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
                        assert_int_equal(sealed ? fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) : 0, 0);
                        access_log_init(&log, fd);
                        for (int i = 0; i < 3; i++)
                                add_target(&log, "/a");
                        limit_file_size(room);
                        access_log_flush(&log);
                        access_log_flush(&log); /* nothing changes by another try */
                        limit_file_size(RLIM_INFINITY);
                        assert_int_equal(log.dropped, 3 - whole - begun);
                        assert_int_equal(whole == 3 ? EFBIG : log.error, EFBIG);
                        add_target(&log, "/b");
                        access_log_flush(&log);
                        assert_int_equal(count_lines(fd, "/a"), whole + begun);
                        assert_int_equal(count_lines(fd, "/b"), 1);
                        (void)fd_close(fd);
                }
        }
}

/* What is in the pipe goes to the end of a file. */
static void drain(int from, int to) {
        static char text[1 << 17];
        ssize_t n;

        while ((n = read(from, text, sizeof text)) > 0)
                assert_int_equal(write(to, text, (size_t)n), n);
}

static void a_pipe_gets_whole_lines(void **state) {
        static struct access_log log;
        static char target[ACCESS_LOG_TARGET_MAX];
        int ends[2], got = memfd_create("got", MFD_CLOEXEC);
        unsigned int n_short = 0;

        (void)state;
        memset(target, '\n', sizeof target - 1); /* each byte takes four: the line is longer than what a pipe takes as a whole */
        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        access_log_init(&log, ends[1]);
        for (int i = 0; i < 60; i++) { /* more than a pipe holds */
                add_target(&log, i % 2 ? "/short" : target);
                access_log_flush(&log);
        }
        assert_true(log.dropped > 0);
        assert_int_equal(log.error, EAGAIN);
        drain(ends[0], got);
        add_target(&log, "/short");
        access_log_flush(&log);
        assert_int_equal(log.n_torn, 0); /* what was begun is ended */
        drain(ends[0], got);
        n_short = count_lines(got, "/short");
        assert_true(n_short > 1 && n_short < 31);
        (void)fd_close(ends[0]);
        (void)fd_close(ends[1]);
        (void)fd_close(got);
}

static void what_is_lost_is_counted(void **state) {
        _Atomic uint64_t lost = 0;
        const struct request_log_options options = { .access_log_fd = open("/dev/full", O_WRONLY | O_CLOEXEC), .sample = 1, .lost_lines = &lost };
        struct access_log_entry entry = entry_of(200, 7);
        struct request_log *log;
        struct error e;

        (void)state;
        assert_int_equal(request_log_new(&options, &log, &e), 0);
        for (int i = 0; i < 5; i++)
                request_log_add(log, &entry, 0);
        request_log_run(log, 1);
        assert_int_equal(lost, 5);
        request_log_add(log, &entry, 2); /* within ten seconds of the message */
        request_log_run(log, 2);
        assert_int_equal(lost, 6);
        request_log_add(log, &entry, 3);
        assert_null(request_log_free(log));
        assert_int_equal(lost, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_in_so_many_is_chosen_and_the_rest_if_it_matters),
                cmocka_unit_test(without_sampling_each_is_chosen),
                cmocka_unit_test(nothing_to_log_is_no_log),
                cmocka_unit_test(messages_about_slow_requests_are_bounded),
                cmocka_unit_test(lines_from_before_a_reopen_go_to_the_old_file),
                cmocka_unit_test(no_line_is_torn_where_there_is_no_room),
                cmocka_unit_test(a_pipe_gets_whole_lines),
                cmocka_unit_test(what_is_lost_is_counted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
