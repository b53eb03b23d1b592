#include "act/certificate.h"

#include <string.h>
#include <sys/wait.h>

#include "shared/status.h"
#include "unit.h"

static void assert_text(const struct certificate *certificate, const char *expected) {
        char text[CERTIFICATE_MAX];

        assert_string_equal(certificate_write(certificate, text, sizeof text), expected);
}

static void ends_are_named(void **state) {
        static const struct {
                int code, status;
                const char *text;
        } vectors[] = {
                { CLD_EXITED, 0, "exited with code 0, as it should" },
                { CERTIFICATE_UNKNOWN, 0, "is gone, and how it ended is not known (somebody else has collected it)" },
                { CLD_EXITED, 1, "exited with code 1" },
                { CLD_EXITED, 71, "exited with code 71 (system)" },
                { CLD_EXITED, 78, "exited with code 78 (configuration)" },
                { CLD_KILLED, SIGKILL, "was killed by signal 9 (SIGKILL, Killed)" },
                { CLD_DUMPED, SIGSEGV, "was killed by signal 11 (SIGSEGV, Segmentation fault), core dumped" },
        };
        char text[128];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++)
                assert_string_equal(certificate_end(vectors[i].code, vectors[i].status, text, sizeof text), vectors[i].text);
}

static void a_kill_by_nobody_known_tells_of_want_of_memory(void **state) {
        struct certificate c = { .pid = 5, .code = CLD_KILLED, .status = SIGKILL, .age_ms = 1500, .requests = 3, .oom = OOM_KILL };

        (void)state;
        assert_text(&c, "was killed by signal 9 (SIGKILL, Killed) after 1.5 s and 3 requests, by the kernel for want of memory (the control "
                        "group's oom_kill has grown); cause: crash");
        c.oom = OOM_NONE;
        assert_text(&c, "was killed by signal 9 (SIGKILL, Killed) after 1.5 s and 3 requests, not by the kernel for want of memory (the control "
                        "group's oom_kill has not grown); cause: crash");
        c.oom = OOM_UNKNOWN;
        assert_text(&c, "was killed by signal 9 (SIGKILL, Killed) after 1.5 s and 3 requests, not by the master (whether for want of memory cannot "
                        "be seen: no memory.events); cause: crash");
        c.killed_by_us = true;
        c.cause = RESTMARK_CAUSE_RELOAD;
        assert_text(&c, "was killed by signal 9 (SIGKILL, Killed) after 1.5 s and 3 requests, its mercy or its time being over; cause: reload");
}

static void the_request_in_work_and_the_memory_are_told(void **state) {
        const struct certificate c = {
                .pid = 5,
                .code = CLD_KILLED,
                .status = SIGKILL,
                .cause = RESTMARK_CAUSE_HARAKIRI,
                .killed_by_us = true,
                .age_ms = 61000,
                .requests = 1000,
                .connections = 1,
                .working = true,
                .work = { .route = RESTMARK_ROUTE_MILLION_LOOP, .n = 100000000, .seed = 7 },
                .work_ms = 5012,
                .peak_rss_bytes = 5 << 20,
                .rss_bytes = 4 << 20,
                .pss_bytes = 3 << 19,
                .sampled_ago_ms = 1900,
        };

        (void)state;
        assert_text(&c, "was killed by signal 9 (SIGKILL, Killed) after 61.0 s and 1000 requests; cause: harakiri; in work: "
                        "/million-loop?n=100000000&seed=7 for 5.012 s; 1 connection reset; peak RSS 5.0 MiB; RSS 4.0 MiB, PSS 1.5 MiB 2 s before");
}

static void a_core_dump_tells_where_to_look(void **state) {
        static const struct {
                const char *pattern, *hint;
        } vectors[] = {
                { "|/usr/lib/systemd/systemd-coredump %P %u\n", "; see `coredumpctl info 77`" },
                { "|/usr/share/apport/apport -p%p\n", "; the core went to /usr/share/apport/apport" },
                { "/var/core/core.%p\n", "; the core is where core_pattern says: /var/core/core.%p" },
                { "", "; the core is where core_pattern says: core" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++) {
                const struct certificate c = { .pid = 77, .code = CLD_DUMPED, .status = SIGABRT, .core_pattern = vectors[i].pattern };
                char text[CERTIFICATE_MAX], *hint;

                (void)certificate_write(&c, text, sizeof text);
                hint = strstr(text, "; cause: crash");
                assert_non_null(hint);
                assert_string_equal(hint + strlen("; cause: crash"), vectors[i].hint);
        }
}

static void what_is_too_long_is_cut(void **state) {
        const struct certificate c = { .code = CLD_EXITED };
        char text[20];

        (void)state;
        assert_string_equal(certificate_write(&c, text, sizeof text), "exited with code 0,");
}

static void every_route_and_cause_has_a_name(void **state) {
        (void)state;
        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                assert_non_null(certificate_path((enum restmark_route)i));
        for (int i = 0; i < RESTMARK_CAUSE_COUNT; i++)
                assert_non_null(status_cause_name((enum restmark_cause)i));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ends_are_named),
                cmocka_unit_test(a_kill_by_nobody_known_tells_of_want_of_memory),
                cmocka_unit_test(the_request_in_work_and_the_memory_are_told),
                cmocka_unit_test(a_core_dump_tells_where_to_look),
                cmocka_unit_test(what_is_too_long_is_cut),
                cmocka_unit_test(every_route_and_cause_has_a_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
