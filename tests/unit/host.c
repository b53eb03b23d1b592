#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/host.h"

static void addresses_and_localhost_pass(void **state) {
        static const char *const good[] = { "127.0.0.1", "127.0.0.1:9180", "10.0.0.1:1", "localhost", "LocalHost:9180", "[::1]", "[::1]:9180",
                                            "[fe80::1]:80", "127.0.0.1:", "[::ffff:127.0.0.1]" };

        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                if (!host_is_literal(good[i]))
                        fail_msg("%s", good[i]);
}

static void names_and_nonsense_do_not(void **state) {
        static const char *const bad[] = { "", ":", ":80", "example.org", "localhost.example.org", "localhost.", "localhostx", "localhost:80x",
                                           "127.0.0.1.example.org", "127.0.0.1:80x", "127.0.0.1:80:80", "127.0.0.1@example.org", "1", "0x7f.1",
                                           "::1", "[::1", "[::1]x", "[::1]:x", "[127.0.0.1]", "[]", "]", "[::1%eth0]",
                                           "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]" };

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                if (host_is_literal(bad[i]))
                        fail_msg("%s", bad[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_and_localhost_pass),
                cmocka_unit_test(names_and_nonsense_do_not),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
