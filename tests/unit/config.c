#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config_file.h"

struct bad {
        const char *text, *line, *says;
};

static const struct bad bad_files[] = {
        { "[server]\nprocesses = 4x\n", ":2: ", "whole number" },
        { "[server]\nprocesses = 0\n", ":2: ", "from 1 to 256" },
        { "[server]\nprocesses = 257\n", ":2: ", "from 1 to 256" },
        { "[server]\nprocesses = 99999999999999999999999\n", ":2: ", "out of range" },
        { "[server]\nprocesses = -1\n", ":2: ", "whole number" },
        { "[server]\nprocesses =\n", ":2: ", "whole number" },
        { "[server]\n\n; c\nproceses = 4\n", ":4: ", "did you mean \"processes\"" },
        { "[servre]\nprocesses = 4\n", ":1: ", "did you mean [server]" },
        { "[servre]\n", ":1: ", "did you mean [server]" },
        { "[elsewhere]\n", ":1: ", "there are [server]" },
        { "[log]\nprocesses = 4\n", ":2: ", "belongs in [server]" },
        { "[server]\nprocesses = 4\nbacklog = 5\nprocesses = 4\n", ":4: ", "given twice" },
        { "[limits]\nidle-timeout = 5h\n", ":2: ", "ms, s or min" },
        { "[limits]\nidle-timeout = 0\n", ":2: ", "from 1ms to 1440min" },
        { "[limits]\nlimit-post = 5T\n", ":2: ", "K, M or G" },
        { "[limits]\nlimit-post = 2G\n", ":2: ", "from 0 to 1G" },
        { "[limits]\nlimit-body = 33M\n", ":2: ", "raise the one or lower the other" },
        { "[limits]\nlimit-body = 100\nbody-memory = 99\n", ":3: ", "99 bytes" },
        { "[workloads]\ncodec = fast\n", ":2: ", "struct|tree" },
        { "[server]\nlisten = 8080\n", ":2: ", "no port" },
        { "[server]\nlisten = 127.0.0.1:99999\n", ":2: ", "not a port" },
        { "[server]\nlisten = 127.0.0.1:\n", ":2: ", "not a port" },
        { "[server]\nlisten = ::1:80\n", ":2: ", "[::1]:80" },
        { "[server]\nlisten = example.org:80\n", ":2: ", "not an IP address" },
        { "[server]\nlisten = [fe80::1%nosuchif0]:80\n", ":2: ", "no network interface \"nosuchif0\"" },
        { "[server]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:1\n", ":3: ", "given twice" },
        { "[server]\nlisten = 224.0.0.1:80\n", ":2: ", "address for many" },
        { "[server]\nlisten = 255.255.255.255:80\n", ":2: ", "address for many" },
        { "[server]\nlisten = [ff02::1]:80\n", ":2: ", "address for many" },
        { "[server]\nlisten = [::ffff:127.0.0.1]:80\n", ":2: ", "without brackets" },
        { "[server]\nlisten = [fe80::1]:80\n", ":2: ", "[fe80::1%eth0]:80" },
        { "[server]\nlisten = 127.0.0.1:1\nlisten = *:1\nbalance = shared\n", ":2: ", "127.0.0.1:1 and 0.0.0.0:1 are for the same" },
        { "[admin]\nallow-remote = yes\nlisten = [::]:1\nlisten = [::1]:1\n", ":3: ", "[::]:1 and [::1]:1 are for the same" },
        { "[admin]\nlisten = 0.0.0.0:9180\n", ":2: ", "[admin] allow-remote = yes" },
        { "[admin]\nallow-remote = no\nlisten = 127.0.0.1:1\nlisten = [::]:9180\n", ":3: ", "may reach [::]:9180" },
        { "[admin]\nlisten = 127.0.0.1:9180\nlisten =\n", ":3: ", "[admin] listen: \"\" has no port" },
        { "[server]\nlisten = 127.0.0.1:9180\n[admin]\nlisten = 127.0.0.1:9180\n", ":4: ",
          ":4: [admin] listen: 127.0.0.1:9180 is taken by [server] listen, which has 127.0.0.1:9180" },
        { "[admin]\nlisten = 127.0.0.1:9180\n[server]\nlisten = *:9180\n", ":2: ", "which has 0.0.0.0:9180" },
        { "[admin]\nlisten = 127.0.0.1:8080\n", ":2: ", "which has 127.0.0.1:8080" },
        { "[admin]\nallow-remote = yes\nlisten = [::]:81\n[server]\nlisten = 127.0.0.1:81\nlisten = [::1]:81\n", ":3: ",
          "[::]:81 is taken by [server] listen, which has [::1]:81" },
        { "[admin]\nallow-remote = perhaps\n", ":2: ", "yes|no" },
        { "[admin]\nlisten = systemd\n", ":2: ", "not for the admin endpoint" },
        { "[admin]\nlisten = unix:/run/x.sock\n", ":2: ", "not for the admin endpoint" },
        { "[server]\nlisten = unix:/x\n[rpc]\nlisten = unix:/x\n", ":4: ", "unix:/x is taken by [server] listen, which has unix:/x: give the calls a path of its own" },
        { "[server]\nlisten = unix:/x\nlisten = unix:/x\n", ":3: ", "given twice" },
        { "[server]\nlisten = unix:run/x.sock\n", ":2: ", "the whole path" },
        { "[rpc]\nlisten = unix:x.sock\n", ":2: ", "the whole path" },
        { "[rpc]\nlisten = 127.0.0.1:8080\n", ":2: ", "is taken by [server] listen" },
        { "[admin]\nlisten = 127.0.0.1:8081\n[rpc]\nlisten = *:8081\n", ":2: ", "is taken by [rpc] listen" },
        { "[rpc]\nlisten = systemd:calls\n", ":2: ", "do not go together" },
        { "[server]\nlisten = systemd\n[rpc]\nlisten = 127.0.0.1:8081\n", ":4: ", "do not go together" },
        { "[server]\nlisten = systemd:web\nlisten = systemd:web\n", ":3: ", "given twice" },
        { "[server]\nlisten = systemd:0123456789012345678901234567890123456789012345678901234567890123\n", ":2: ", "63 characters" },
        { "processes = 4\n", ":1: ", "before any [section]" },
        { "[server]\nprocesses\n", ":2: ", "key = value" },
        { "[server\nprocesses = 1\n", ":1: ", "\"]\"" },
        { "[server] processes = 1\n", ":1: ", "line of its own" },
        { "[server]\n= 1\n", ":2: ", "no key" },
        { "[server]\n: 1\n", ":2: ", "no key" },
        { "\xef\xbb\xbf[servre]\n", ":1: ", "did you mean [server]" },
        { "\xef\xbb\xbf[server]\rprocesses = 1\r", ":1: ", "carriage return" },
        { "; all of it a comment?\r[server]\rprocesses = x\r", ":1: ", "carriage return" },
        { "[server]\nprocesses = 1\r[limits]\n", ":2: ", "tr '\\r' '\\n'" },
        { "\xff\xfe[", ":1: ", "iconv -f UTF-16 -t UTF-8" },
        { "\xfe\xff", ":1: ", "iconv -f UTF-16 -t UTF-8" },
        { "[log]\naccess-log = \"a\n", ":2: ", "closing \" of the value is missing" },
        { "[log]\naccess-log = \"a\\\"\n", ":2: ", "closing \" of the value is missing" },
        { "[log]\naccess-log = \"a\"b\"\n", ":2: ", "more behind the closing \"" },
        { "[log]\naccess-log = \"a\";b\n", ":2: ", "more behind the closing \"" },
        { "[log]\naccess-log = \"a\\qb\"\n", ":2: ", "begins one of" },
        { "[log]\naccess-log = \"a\\x4\"\n", ":2: ", "begins one of" },
        { "[log]\naccess-log = \"a\\x00\"\n", ":2: ", "begins one of" },
        { "[log]\naccess-log = \"a\\", ":2: ", "begins one of" },
};

static void every_error_names_file_and_line(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
                struct error e = { "" };
                struct config *config = NULL;
                char where[64];

                write_file(bad_files[i].text, strlen(bad_files[i].text));
                (void)snprintf(where, sizeof where, "%s%s", path, bad_files[i].line);
                if (config_load(path, NULL, 0, &config, &e) >= 0)
                        fail_msg("accepted: %s", bad_files[i].text);
                assert_null(config);
                if (!strstr(e.text, where) || !strstr(e.text, bad_files[i].says))
                        fail_msg("\"%s\" says \"%s\", not \"%s\" and \"%s\"", bad_files[i].text, e.text, where, bad_files[i].says);
        }
}

static void odd_files_are_refused(void **state) {
        struct error e = { "" };
        struct config *config = NULL;
        char *huge;

        (void)state;
        write_file("[server]\nproc\0esses = 4\n", 24);
        assert_true(config_load(path, NULL, 0, &config, &e) < 0);
        assert_non_null(strstr(e.text, ":2: "));
        assert_non_null(strstr(e.text, "NUL"));

        write_file("", 0);
        assert_true(config_load(path, NULL, 0, &config, &e) < 0);
        assert_non_null(strstr(e.text, "is empty"));

        huge = malloc(1 << 20);
        assert_non_null(huge);
        memset(huge, 'a', 1 << 20);
        memcpy(huge, "[server]\n", 9);
        write_file(huge, 1 << 20);
        free(huge);
        assert_true(config_load(path, NULL, 0, &config, &e) < 0);
        assert_non_null(strstr(e.text, ":2: "));
        assert_non_null(strstr(e.text, "longer than"));

        assert_true(config_load("/tmp", NULL, 0, &config, &e) < 0);
        assert_non_null(strstr(e.text, "directory"));
        assert_true(config_load("/dev/null", NULL, 0, &config, &e) < 0);
        assert_non_null(strstr(e.text, "regular file"));
        assert_true(config_load("/nonexistent.ini", NULL, 0, &config, &e) < 0);
        assert_non_null(strstr(e.text, "No such file"));
        assert_null(config);
}

static void values_are_read(void **state) {
        struct config *config = load("\xef\xbb\xbf; a comment behind a byte order mark\r\n[server]\r\n"
                                     "  listen = 127.0.0.1:0\n\tlisten = [::1]:8081 ; inline\nprocesses=3\n"
                                     "[limits]\nidle-timeout = 250ms\nrequest-timeout = 2\nlimit-post = 1M\n"
                                     "[workers]\nworker-reload-mercy = 2min\n[workloads]\ncodec = tree\n[log]\nlevel = debug");
        char text[LISTEN_TEXT_MAX];

        (void)state;
        assert_int_equal(config->listen.n, 2);
        assert_string_equal(listen_format(&config->listen.at[0], text), "127.0.0.1:0");
        assert_string_equal(listen_format(&config->listen.at[1], text), "[::1]:8081");
        assert_int_equal(config->processes, 3);
        assert_int_equal(config->idle_timeout_ms, 250);
        assert_int_equal(config->request_timeout_ms, 2000);
        assert_int_equal(config->limit_post_bytes, 1 << 20);
        assert_int_equal(config->mercy_ms, 120000);
        assert_int_equal(config->codec, 1);
        assert_int_equal(config->log_level, LOG_DEBUG);
        assert_int_equal(config->max_connections, 1024);
        assert_null(config->origin[OPTION_max_connections]);
        assert_non_null(strstr(config->origin[OPTION_processes], ":5"));
        config_free(config);
}

/* What stands behind the "=", and what that is. */
static void texts_are_read(void **state) {
        static const char *const cases[][2] = {
                { " /var/log/a b.log ", "/var/log/a b.log" },
                { " /a;b", "/a;b" },
                { " /a ; b", "/a" },
                { " /a\t; b", "/a" },
                { ";a", ";a" },
                { " ; a", "" },
                { " /a # b", "/a # b" },
                { " /a=b:c", "/a=b:c" },
                { " /a\"b\"", "/a\"b\"" },
                { " \"\"", "" },
                { " \" /a ; b \" ; a comment", " /a ; b " },
                { "\"a\\\"\\\\\\n\\r\\t\\x01\\xFf\" ", "a\"\\\n\r\t\001\377" },
                { " \xc3\xa4", "\xc3\xa4" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                for (int crlf = 0; crlf < 2; crlf++) {
                        char text[200];
                        struct config *config;

                        (void)snprintf(text, sizeof text, "[log]\naccess-log%c%s%s", crlf ? ':' : '=', cases[i][0], crlf ? "\r\n" : "");
                        config = load(text);
                        assert_string_equal(config->access_log, cases[i][1]);
                        config_free(config);
                }
}

static void overrides_replace_the_file(void **state) {
        static const char *const good[] = { "server.listen=127.0.0.1:1", "server.listen=127.0.0.1:2", "server.processes=auto" };
        static const char *const bad[][2] = {
                { "server.processes=zero", "whole number" }, { "processes=1", "SECTION.KEY=VALUE" },
                { "server.nope=1", "unknown key" },          { "server", "SECTION.KEY=VALUE" },
        };
        static const char *const twice[] = { "server.processes=1", "server.processes=2" };
        struct error e = { "" };
        struct config *config = NULL;

        (void)state;
        write_file("[server]\nlisten = 127.0.0.1:9\nprocesses = 7\nbacklog = 9\n", 56);
        assert_int_equal(config_load(path, good, 3, &config, &e), 0);
        assert_int_equal(config->listen.n, 2);
        assert_int_equal(listen_port(&config->listen.at[1]), 2);
        assert_int_equal(config->processes, 0);
        assert_int_equal(config->backlog, 9);
        config = config_free(config);

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_true(config_load(NULL, bad[i], 1, &config, &e) < 0);
                assert_non_null(strstr(e.text, bad[i][1]));
                assert_non_null(strstr(e.text, bad[i][0]));
        }
        assert_true(config_load(NULL, twice, 2, &config, &e) < 0);
        assert_non_null(strstr(e.text, "given twice"));
}

static void the_table_is_sound(void **state) {
        (void)state;
        for (int i = 0; i < OPTION_COUNT; i++) {
                struct error e;

                assert_int_equal(option_find(option_table[i].section, option_table[i].key, &e), i);
                assert_true(option_table[i].min <= option_table[i].max);
                assert_true(strlen(option_table[i].help) > 10);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_error_names_file_and_line),
                cmocka_unit_test(odd_files_are_refused),
                cmocka_unit_test(values_are_read),
                cmocka_unit_test(overrides_replace_the_file),
                cmocka_unit_test(the_table_is_sound),
                cmocka_unit_test(texts_are_read),
        };
        return cmocka_run_group_tests(tests, make_file, remove_file);
}
