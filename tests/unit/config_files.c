#include "config/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "config/config.h"
#include "unit.h"

/* A folder whose own name has characters of patterns in it, and in which the tests run, so that messages are short. */
static char folder[] = "/tmp/restmark-[a*]-XXXXXX";

static void put(const char *name, const char *text) {
        FILE *file = fopen(name, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *path) {
        struct error e = { "" };
        struct config *config = NULL;

        if (config_load(path, NULL, 0, &config, &e) < 0)
                fail_msg("%s", e.text);
        return config;
}

static void refused(const char *path, const char *says) {
        struct error e = { "" };
        struct config *config = NULL;

        assert_true(config_load(path, NULL, 0, &config, &e) < 0);
        assert_null(config);
        if (!strstr(e.text, says))
                fail_msg("it says \"%s\", not \"%s\"", e.text, says);
}

static void matches_are_read_in_order_and_the_last_word_counts(void **state) {
        char path[sizeof folder + 16], text[LISTEN_TEXT_MAX];
        struct config *config;

        (void)state;
        (void)mkdir("conf.d", 0700);
        put("main.ini", "[server]\nlisten = 127.0.0.1:1\nprocesses = 1\nbacklog = 7\ninclude = conf.d/*.ini\nbalance = shared\n");
        put("conf.d/10-b.ini", "[server]\nprocesses = 2\nlisten = 127.0.0.1:2\nlisten = 127.0.0.1:3\n");
        put("conf.d/9-a.ini", "[server]\nprocesses = 3\n");
        put("conf.d/Z.ini", "; an upper-case letter comes before the small ones\n[log]\nlevel = debug\n");
        put("conf.d/a.ini", "[log]\nlevel = error\n");
        put("conf.d/.hidden.ini", "[nonsense]\n");
        put("conf.d/a.ini.dpkg-old", "[nonsense]\n");
        (void)snprintf(path, sizeof path, "%s/main.ini", folder);
        for (int i = 0; i < 2; i++) {
                config = load(i == 0 ? "main.ini" : path);
                assert_int_equal(config->processes, 3);
                assert_int_equal(config->backlog, 7);
                assert_int_equal(config->balance, BALANCE_SHARED); /* the section goes on behind the line */
                assert_int_equal(config->log_level, 3);
                assert_int_equal(config->listen.n, 2);
                assert_string_equal(listen_format(&config->listen.at[1], text), "127.0.0.1:3");
                assert_non_null(strstr(config->origin[OPTION_processes], "conf.d/9-a.ini:2"));
                (void)config_free(config);
        }
}

static void a_file_may_be_included_before_any_section_and_again(void **state) {
        struct config *config;

        (void)state;
        put("one.ini", "[server]\nprocesses = 4\nbacklog = 5\n");
        put("two.ini", "include = one.ini\n[server]\nprocesses = 6\n");
        put("main.ini", "include: two.ini\ninclude = \"one.ini\" ; once more\ninclude = nothing-*.ini\ninclude = nowhere/*.ini\n");
        config = load("main.ini");
        assert_int_equal(config->processes, 4);
        assert_int_equal(config->backlog, 5);
        (void)config_free(config);
}

static void errors_name_each_file_and_line(void **state) {
        (void)state;
        put("bad.ini", "[server]\n\nproceses = 4\n");
        put("main.ini", "[log]\ninclude = bad.ini\n");
        refused("main.ini", "main.ini:2: bad.ini:3: unknown key \"proceses\" in [server]; did you mean");
        put("bad.ini", "[server]\nprocesses = 4\nprocesses = 4\n");
        refused("main.ini", "main.ini:2: bad.ini:3: [server] processes is given twice; the first is at bad.ini:2");
        put("bad.ini", "processes = 4\n"); /* a file begins without a section, wherever it is included */
        refused("main.ini", "main.ini:2: bad.ini:1: \"processes\" stands before any [section]");
        put("bad.ini", "[server]\nprocesses = x\n");
        refused("main.ini", "bad.ini:2: [server] processes");
        put("main.ini", "\n\ninclude = missing.ini\n");
        refused("main.ini", "main.ini:3: missing.ini: cannot open the configuration: No such file");
        put("main.ini", "include =\n");
        refused("main.ini", "main.ini:1: include: name a file");
        put("main.ini", "include = conf.d\n");
        refused("main.ini", "main.ini:1: conf.d: is a directory");
        put("bad.ini", "");
        put("main.ini", "include = bad.*\n");
        refused("main.ini", "bad.ini: is empty");
}

static void circles_are_refused(void **state) {
        char name[32], text[64];

        (void)state;
        put("main.ini", "[log]\n\ninclude = main.ini\n");
        refused("main.ini", "main.ini:3: include: main.ini is being read already");
        put("main.ini", "include = ma*.ini\n");
        refused("main.ini", "is being read already");
        put("one.ini", "include = two.ini\n");
        (void)unlink("two.ini");
        assert_int_equal(symlink("three.ini", "two.ini"), 0);
        put("three.ini", "include = one.ini\n");
        refused("one.ini", "one.ini:1: two.ini:1: include: one.ini is being read already");
        refused("three.ini", "is being read already"); /* by another name */
        (void)unlink("two.ini");
        for (int i = 0; i <= FILES_DEEP; i++) {
                (void)snprintf(name, sizeof name, "deep%d.ini", i);
                (void)snprintf(text, sizeof text, i < FILES_DEEP ? "include = deep%d.ini\n" : "; the last\n", i + 1);
                put(name, text);
        }
        (void)config_free(load("deep1.ini"));
        refused("deep0.ini", "more than 8 deep");
}

static void files_are_counted(void **state) {
        char name[32], text[1024] = "";

        (void)state;
        for (int i = 0; i < 7; i++) {
                (void)snprintf(name, sizeof name, "many%d.ini", i);
                for (int j = 0; j < 5; j++)
                        (void)snprintf(text + strlen(text), sizeof text - strlen(text), i < 6 ? "include = many%d.ini\n" : "; %d\n", i + 1);
                put(name, text);
                *text = '\0';
        }
        refused("many0.ini", "more than 1000 files");
}

static int make_folder(void **state) {
        char all[] = "/tmp/restmark-[a*]-XXXXXX";

        (void)state;
        if (!mkdtemp(all) || chdir(all) < 0)
                return -1;
        strcpy(folder, all);
        return 0;
}

static int remove_folder(void **state) {
        char command[sizeof folder + 32];

        (void)state;
        (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
        return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(matches_are_read_in_order_and_the_last_word_counts),
                cmocka_unit_test(a_file_may_be_included_before_any_section_and_again),
                cmocka_unit_test(errors_name_each_file_and_line),
                cmocka_unit_test(circles_are_refused),
                cmocka_unit_test(files_are_counted),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
