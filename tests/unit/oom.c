#include "act/oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

/* A tree of control groups with one file at `path`. */
struct tree {
        char root[32], path[128];
};

static void put(const struct tree *tree, const char *text) {
        char path[256];
        FILE *to;

        (void)snprintf(path, sizeof path, "%s%s", tree->root, tree->path);
        for (char *slash = path + strlen(tree->root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
                *slash = '\0';
                (void)mkdir(path, 0700);
        }
        to = fopen(path, "w");
        assert_non_null(to);
        assert_true(fputs(text, to) >= 0);
        assert_int_equal(fclose(to), 0);
}

static struct tree plant(const char *path, const char *text) {
        struct tree tree = { .root = "/tmp/unit-oom-XXXXXX" };

        assert_non_null(mkdtemp(tree.root));
        (void)snprintf(tree.path, sizeof tree.path, "%s", path);
        put(&tree, text);
        return tree;
}

static void fell(struct tree *tree) {
        char path[256];

        while (*tree->path) {
                (void)snprintf(path, sizeof path, "%s%s", tree->root, tree->path);
                assert_int_equal(remove(path), 0);
                *strrchr(tree->path, '/') = '\0';
        }
        assert_int_equal(rmdir(tree->root), 0);
}

static void only_growth_is_a_kill(void **state) {
        struct tree tree = plant("/system.slice/restmarkd.service/memory.events", "low 0\nhigh 0\nmax 5\noom 3\noom_kill 2\noom_group_kill 9\n");
        struct oom oom;

        (void)state;
        oom_init_at(&oom, tree.root, "0::/system.slice/restmarkd.service\n");
        assert_int_equal(oom_look(&oom), OOM_NONE);
        put(&tree, "low 0\nhigh 0\nmax 7\noom 4\noom_kill 3\noom_group_kill 9\n");
        assert_int_equal(oom_look(&oom), OOM_KILL);
        assert_int_equal(oom_look(&oom), OOM_NONE);
        fell(&tree);
        assert_int_equal(oom_look(&oom), OOM_UNKNOWN);
}

static void version_1_counts_too(void **state) {
        struct tree tree = plant("/memory/jobs/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
        struct oom oom;

        (void)state;
        oom_init_at(&oom, tree.root, "9:name=systemd:/\n4:memory:/jobs/a\n0::/\n");
        assert_int_equal(oom_look(&oom), OOM_NONE);
        put(&tree, "oom_kill_disable 0\nunder_oom 0\noom_kill 8\n");
        assert_int_equal(oom_look(&oom), OOM_KILL);
        fell(&tree);
}

static void without_a_count_it_is_unknown(void **state) {
        static const char *const memberships[] = { "", "0::/nowhere\n", "garbage", "::::\n", "0:\n" };
        struct oom oom;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(memberships); i++) {
                oom_init_at(&oom, "/tmp/there-is-no-such-folder", memberships[i]);
                assert_int_equal(oom_look(&oom), OOM_UNKNOWN);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_growth_is_a_kill),
                cmocka_unit_test(version_1_counts_too),
                cmocka_unit_test(without_a_count_it_is_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
