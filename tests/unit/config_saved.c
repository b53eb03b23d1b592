#include "config/saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_file.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_dump_reads_back_as_itself),
                cmocka_unit_test(any_value_survives_a_dump_and_an_upgrade),
                cmocka_unit_test(names_and_lists_survive_an_upgrade),
                cmocka_unit_test(damaged_configurations_are_refused),
        };

        return cmocka_run_group_tests(tests, make_file, remove_file);
}
