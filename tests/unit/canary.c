#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "act/canary.h"

enum { N_ANSWERS = 9 };

/* A worker that answers each request with the next of these, whatever is asked. */
struct script {
        const char *const *answers;
        int fd;
        unsigned int at;
        bool done;
        char why[256]; /* "": all was right */
};

static struct canary_expectation expect = { .n_records = 3, .json_bytes = 5, .record_bytes = 4, .body_bytes_max = 74, .can_wait = true };

static int on_request(sd_event_source *source, int fd, uint32_t events, void *context) {
        struct script *script = context;
        char request[512];
        ssize_t n = recv(fd, request, sizeof request - 1, MSG_DONTWAIT);

        (void)events;
        if (n > 0 && script->answers[script->at]) {
                const char *answer = script->answers[script->at++];

                request[n] = '\0';
                assert_non_null(strstr(request, "\r\n\r\n"));
                /* Byte by byte: nothing may depend on how an answer is cut. */
                for (size_t i = 0; answer[i]; i++)
                        assert_int_equal(send(fd, &answer[i], 1, MSG_NOSIGNAL), 1);
                if (!script->answers[script->at] && script->at < N_ANSWERS)
                        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        } else
                assert_true(sd_event_source_set_enabled(source, SD_EVENT_OFF) >= 0);
        return 0;
}

static void on_done(void *context, const char *why) {
        struct script *script = context;

        assert_false(script->done);
        script->done = true;
        if (why)
                (void)snprintf(script->why, sizeof script->why, "%s", why);
}

/* Returns how it ended. */
static const char *examine(const char *const *answers, uint64_t timeout_ms) {
        static struct script script;
        struct canary *canary;
        sd_event_source *io;
        struct error e;
        sd_event *event;
        int fds[2];

        script = (struct script){ .answers = answers };
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_true(sd_event_new(&event) >= 0);
        assert_true(sd_event_add_io(event, &io, fds[1], EPOLLIN, on_request, &script) >= 0);
        assert_int_equal(canary_new(event, fds[0], &expect, timeout_ms, on_done, &script, &canary, &e), 0);
        while (!script.done)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        assert_null(canary_free(canary));
        sd_event_source_unref(io);
        assert_int_equal(close(fds[1]), 0);
        sd_event_unref(event);
        return script.why;
}

#define OK(length, body) "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: " #length "\r\n\r\n" body

#define FIVE OK(9, "Welcome!\n"), OK(1, "3"), OK(1, "5"), OK(5, "[123]"), OK(12, "249999500000")
#define RECORD "{\"id\":1,\"name\":\"n\",\"description\":\"\",\"type\":\"U\",\"count\":1,\"created_at\":1.5}"

static void right_answers_pass(void **state) {
        static const char *const answers[] = { FIVE, OK(74, RECORD), OK(4, "{12}"), OK(15, "users 7 items 3"), OK(1, "1"), NULL };

        (void)state;
        assert_string_equal(examine(answers, 10000), "");
}

/* … without /wait, without records, with bodies that are too small for a record. */
static void only_what_is_there_is_asked_for(void **state) {
        static const char *const without_wait[] = { FIVE, OK(74, RECORD), OK(4, "{12}"), OK(15, "users 7 items 3"), NULL };
        static const char *const without_records[] = { OK(9, "Welcome!\n"), OK(1, "0"), OK(1, "2"), OK(2, "[]"), OK(12, "249999500000"), OK(15, "users 7 items 3"), NULL };
        const struct canary_expectation all = expect;

        (void)state;
        expect.can_wait = false;
        assert_string_equal(examine(without_wait, 10000), "");
        expect = (struct canary_expectation){ .json_bytes = 2, .body_bytes_max = 73 };
        assert_string_equal(examine(without_records, 10000), "");
        expect = all;
}

static void wrong_answers_are_told(void **state) {
        static const struct {
                const char *answers[N_ANSWERS + 1];
                const char *why;
        } cases[] = {
                { { OK(9, "Goodbye!\n") }, "asked for / it answered \"Goodbye!\" instead of \"Welcome!\n\"" },
                { { OK(9, "Welcome!\n"), OK(1, "4") }, "asked for /parse-msgpack it answered \"4\" instead of \"3\"" },
                { { OK(9, "Welcome!\n"), OK(1, "3"), OK(2, "50") }, "asked for /encode-json it answered 2 bytes instead of 1" },
                { { OK(9, "Welcome!\n"), OK(1, "3"), OK(1, "5"), OK(4, "[12]") }, "asked for /transfer-data it answered 4 bytes instead of 5" },
                { { OK(9, "Welcome!\n"), OK(1, "3"), OK(1, "5"), OK(5, "[123]"), OK(12, "249999500001") },
                  "asked for /million-loop it answered \"249999500001\" instead of \"249999500000\"" },
                { { FIVE, "HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n" }, "asked for /validate it answered with status 422" },
                { { FIVE, OK(74, RECORD), OK(3, "{1}") }, "asked for /record/0 it answered 3 bytes instead of 4" },
                { { FIVE, OK(74, RECORD), OK(4, "{12}"), OK(15, "users 3 items 7") }, "asked for /users/7/items/3 it answered \"users 3 items 7\" instead of \"users 7 items 3\"" },
                { { FIVE, OK(74, RECORD), OK(4, "{12}"), OK(15, "users 7 items 3"), OK(1, "0") }, "asked for /wait?ms=1 it answered \"0\" instead of \"1\"" },
                { { "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" }, "asked for / it answered with status 500" },
                { { "HTTP/1.1 200 OK\r\n\r\n" }, "asked for / it did not say the length of its answer" },
                { { "SSH-2.0-x\r\n\r\n" }, "asked for / it did not answer in HTTP" },
                { { OK(9, "Welcome!\n"), "HTTP/1.1 200 OK\r\nContent-Le" }, "asked for /parse-msgpack it closed its connection" },
                { { OK(9, "Welc") }, "asked for / it closed its connection" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_string_equal(examine(cases[i].answers, 10000), cases[i].why);
}

static void silence_ends_with_the_deadline(void **state) {
        static const char *const answers[] = { NULL };

        (void)state;
        assert_string_equal(examine(answers, 20), "asked for / it did not answer in time");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(right_answers_pass),
                cmocka_unit_test(only_what_is_there_is_asked_for),
                cmocka_unit_test(wrong_answers_are_told),
                cmocka_unit_test(silence_ends_with_the_deadline),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
