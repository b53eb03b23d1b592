#include "config/cpu_quota.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "unit.h"

struct tree {
        const char *name;
        const char *files[16]; /* path, text, …, NULL */
        uint64_t quota_us, period_us, cpus; /* 0: no quota */
        const char *group;
};

#define V2_MOUNT "proc/self/mountinfo", "22 1 0:20 / /sys rw - sysfs sysfs rw\n30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define V1_MOUNT "proc/self/mountinfo", "31 22 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n32 22 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"

static const struct tree trees[] = {
        { "no cgroups", { NULL }, 0, 0, 0, "" },
        { "garbage", { "proc/self/mountinfo", "x\n - \n30 22 0:26 / - cgroup2\n", "proc/self/cgroup", "0\n:\n", NULL }, 0, 0, 0, "" },
        { "none set", { V2_MOUNT, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "max 100000\n", NULL }, 0, 0, 0, "" },
        { "own group", { V2_MOUNT, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "150000 100000\n", NULL }, 150000, 100000, 2, "/a" },
        { "half a CPU", { V2_MOUNT, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "5000 10000\n", NULL }, 5000, 10000, 1, "/a" },
        { "the tightest is above",
          { V2_MOUNT, "proc/self/cgroup", "0::/a/b/c\n", "sys/fs/cgroup/a/cpu.max", "200000 100000\n", "sys/fs/cgroup/a/b/cpu.max",
            "30000 10000\n", "sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n", NULL }, 200000, 100000, 2, "/a" },
        { "the tightest is below",
          { V2_MOUNT, "proc/self/cgroup", "0::/a/b\n", "sys/fs/cgroup/a/cpu.max", "400000 100000\n", "sys/fs/cgroup/a/b/cpu.max",
            "100000 100000\n", NULL }, 100000, 100000, 1, "/a/b" },
        { "a namespace: the group is the mount's root", { V2_MOUNT, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/cpu.max", "250000 100000\n", NULL }, 250000, 100000, 3, "" },
        { "version 1", { V1_MOUNT, "proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/a/b\n0::/\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us",
            "50000\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n", "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n", NULL }, 50000, 100000, 1, "/a" },
        { "version 1 in a container: the mount shows one group",
          { "proc/self/mountinfo", "32 22 0:28 /docker/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n", "proc/self/cgroup",
            "4:cpu:/docker/x\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "310000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n", NULL },
          310000, 100000, 4, "" },
        { "out of sight",
          { "proc/self/mountinfo", "32 22 0:28 /docker/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n", "proc/self/cgroup", "4:cpu:/docker/xy\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n", NULL }, 100000, 100000, 1, "" },
        { "a number that is none", { V2_MOUNT, "proc/self/cgroup", "0::/a\n", "sys/fs/cgroup/a/cpu.max", "0 0\n", NULL }, 0, 0, 0, "" },
};

static void put(const char *root, const char *name, const char *text) {
        char path[PATH_MAX];
        FILE *file;

        (void)snprintf(path, sizeof path, "%s/%s", root, name);
        for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                (void)mkdir(path, 0755);
                *slash = '/';
        }
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static void the_tightest_quota_counts(void **state) {
        (void)state;
        for (size_t i = 0; i < ELEMENTS(trees); i++) {
                char root[] = "/tmp/restmark-quota-XXXXXX", command[64];
                const struct tree *tree = &trees[i];
                struct cpu_quota quota;
                bool found;

                assert_non_null(mkdtemp(root));
                for (const char *const *file = tree->files; *file; file += 2)
                        put(root, file[0], file[1]);
                found = cpu_quota_find(root, &quota);
                (void)snprintf(command, sizeof command, "rm -r %s", root);
                assert_int_equal(system(command), 0);
                if (found != (tree->cpus > 0))
                        fail_msg("%s: found %d", tree->name, found);
                if (!found)
                        continue;
                assert_int_equal(quota.quota_us, tree->quota_us);
                assert_int_equal(quota.period_us, tree->period_us);
                assert_int_equal(cpu_quota_ceil(&quota), tree->cpus);
                assert_string_equal(quota.group + strlen(quota.group) - strlen(tree->group), tree->group);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_tightest_quota_counts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
