#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "config/saved.h"

static char path[] = "/tmp/restmark-config-XXXXXX";

static void write_file(const char *text, size_t length) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *text) {
        struct error e = { "" };
        struct config *config = NULL;

        write_file(text, strlen(text));
        if (config_load(path, NULL, 0, &config, &e) < 0)
                fail_msg("%s", e.text);
        return config;
}

struct bad {
        const char *text, *line, *says;
};

static void every_error_names_file_and_line(void **state) {
        static const struct bad cases[] = {
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
                { "[admin]\nlisten = systemd\n", ":2: ", "for [server] listen alone" },
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

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct error e = { "" };
                struct config *config = NULL;
                char where[64];

                write_file(cases[i].text, strlen(cases[i].text));
                (void)snprintf(where, sizeof where, "%s%s", path, cases[i].line);
                if (config_load(path, NULL, 0, &config, &e) >= 0)
                        fail_msg("accepted: %s", cases[i].text);
                assert_null(config);
                if (!strstr(e.text, where) || !strstr(e.text, cases[i].says))
                        fail_msg("\"%s\" says \"%s\", not \"%s\" and \"%s\"", cases[i].text, e.text, where, cases[i].says);
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

static char *dump(const struct config *config) {
        char *text = NULL;
        size_t size;
        FILE *memory = open_memstream(&text, &size);

        assert_non_null(memory);
        config_dump(config, memory);
        assert_int_equal(fclose(memory), 0);
        return text;
}

static void a_dump_reads_back_as_itself(void **state) {
        static const char *const overrides[] = { "server.listen=[::]:80", "limits.idle-timeout=1500ms", "limits.limit-post=65537",
                                                 "log.access-log=/var/log/a b.log", "workloads.records=7", "limits.limit-post=0" };
        struct error e = { "" };

        (void)state;
        for (size_t n = 0; n <= 5; n++) {
                struct config *config = NULL, *again;
                char *text, *second;

                assert_int_equal(config_load(NULL, overrides, n, &config, &e), 0);
                text = dump(config);
                again = load(text);
                second = dump(again);
                assert_string_equal(text, second);
                free(text);
                free(second);
                config_free(config);
                config_free(again);
        }
}

/* Bytes that have been trouble, and any others. */
static void make_value(char *value, size_t size, unsigned int *seed) {
        static const char odd[] = " \t;#\"\\\n\r=:[]'\x01\x7f\x80\xff\xef\xbb\xbf";
        size_t length = (size_t)rand_r(seed) % size;

        for (size_t i = 0; i < length; i++)
                value[i] = (char)(rand_r(seed) % 2 ? odd[(size_t)rand_r(seed) % (sizeof odd - 1)] : 1 + rand_r(seed) % 255);
        value[length] = '\0';
}

static struct config *load_option(int id, const char *value, char *override, size_t size) {
        const char *const overrides[] = { override };
        struct config *config = NULL;
        struct error e;

        (void)snprintf(override, size, "%s.%s=%s", option_table[id].section, option_table[id].key, value);
        return config_load(NULL, overrides, 1, &config, &e) < 0 ? NULL : config;
}

/* The same configuration by way of another restmarkd. */
static struct config *hand_over(const struct config *config) {
        FILE *file = tmpfile();
        struct config *again = NULL;
        struct error e = { "" };

        assert_non_null(file);
        config_save(config, file);
        assert_int_equal(fflush(file), 0);
        if (config_load_saved(fileno(file), &again, &e) < 0)
                fail_msg("%s", e.text);
        assert_int_equal(fclose(file), 0);
        return again;
}

static void assert_same(const struct config *one, const struct config *other) {
        char *text = dump(one), *second = dump(other), pending[256];

        assert_string_equal(text, second);
        config_pending(one, other, pending, sizeof pending);
        assert_string_equal(pending, "");
        free(text);
        free(second);
}

/* Of any option that is taken with any value. */
static void any_value_survives_a_dump_and_an_upgrade(void **state) {
        unsigned int seed = 12, n_taken[OPTION_COUNT] = { 0 };
        char value[400], override[600];

        (void)state;
        for (int i = 0; i < 6000; i++) {
                int id = i % OPTION_COUNT;
                struct config *config, *read, *handed;
                char *text;

                make_value(value, i % 7 ? 40 : sizeof value, &seed);
                config = load_option(id, value, override, sizeof override);
                if (!config)
                        continue;
                n_taken[id]++;
                if (option_table[id].kind == OPTION_KIND_TEXT)
                        assert_string_equal(*(char **)(void *)((char *)config + option_table[id].offset), value);
                text = dump(config);
                read = load(text);
                handed = hand_over(config);
                assert_same(config, read);
                assert_same(config, handed);
                assert_string_equal(config->origin[id], handed->origin[id]);
                assert_int_equal(strncmp(handed->origin[id], "-o ", 3), 0);
                free(text);
                config_free(config);
                config_free(read);
                config_free(handed);
        }
        for (int id = 0; id < OPTION_COUNT; id++)
                if (option_table[id].kind == OPTION_KIND_TEXT)
                        assert_true(n_taken[id] > 100);
}

static void names_and_lists_survive_an_upgrade(void **state) {
        static const char *const overrides[] = { "server.listen=systemd:a ; \"b\n ", "server.listen=systemd:c", "admin.listen=127.0.0.1:1",
                                                 "admin.listen=[::1]:1" };
        static const char *const zone[] = { "server.listen=[fe80::1%4000000000]:1" }; /* an interface that has gone */
        struct error e;
        struct config *config = NULL, *again;

        (void)state;
        assert_int_equal(config_load(NULL, overrides, 4, &config, &e), 0);
        again = hand_over(config);
        assert_same(config, again);
        assert_int_equal(again->listen.n, 2);
        assert_string_equal(again->listen.at[0].socket.given.name, "a ; \"b\n ");
        assert_null(again->origin[OPTION_processes]);
        config_free(again);
        config_free(config);

        assert_int_equal(config_load(NULL, zone, 1, &config, &e), 0);
        again = hand_over(config);
        assert_same(config, again);
        config_free(again);
        config_free(config);
}

static void damaged_configurations_are_refused(void **state) {
        FILE *file = tmpfile();
        struct config *config = NULL, *ignored = NULL;
        struct error e;
        long size;

        (void)state;
        assert_non_null(file);
        assert_int_equal(config_load(NULL, NULL, 0, &config, &e), 0);
        config_save(config, file);
        config_free(config);
        assert_int_equal(fflush(file), 0);
        size = ftell(file);
        for (long cut = size - 1; cut >= 0; cut--) {
                assert_int_equal(ftruncate(fileno(file), cut), 0);
                assert_true(config_load_saved(fileno(file), &ignored, &e) < 0);
                assert_null(ignored);
                assert_non_null(strstr(e.text, "the saved configuration: "));
        }
        assert_int_equal(fclose(file), 0);
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

static int make_file(void **state) {
        int fd = mkstemp(path);

        (void)state;
        return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
        (void)state;
        return unlink(path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_error_names_file_and_line), cmocka_unit_test(odd_files_are_refused),
                cmocka_unit_test(values_are_read),                 cmocka_unit_test(overrides_replace_the_file),
                cmocka_unit_test(a_dump_reads_back_as_itself),     cmocka_unit_test(the_table_is_sound),
                cmocka_unit_test(texts_are_read),
                cmocka_unit_test(any_value_survives_a_dump_and_an_upgrade),
                cmocka_unit_test(names_and_lists_survive_an_upgrade),
                cmocka_unit_test(damaged_configurations_are_refused),
        };
        return cmocka_run_group_tests(tests, make_file, remove_file);
}
