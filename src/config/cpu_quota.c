#include "config/cpu_quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/small_file.h"

/* A mounted hierarchy that can have quotas, and where this process is in it. */
struct mount {
        bool is_v2;
        char point[CPU_QUOTA_PATH_MAX], root[CPU_QUOTA_PATH_MAX]; /* which part of the hierarchy is seen there */
};

static bool read_line(const char *directory, const char *name, char *line, size_t size) {
        char path[CPU_QUOTA_PATH_MAX + 64];

        if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path || small_file_read(path, line, size) < 0)
                return false;
        line[strcspn(line, "\n")] = '\0';
        return true;
}

static bool parse(const char *text, uint64_t *ret) {
        return number_parse(text, strlen(text), ret) == 0 && *ret > 0;
}

static bool read_quota(bool is_v2, const char *directory, uint64_t *quota_us, uint64_t *period_us) {
        char line[128], *space;

        if (!is_v2)
                return read_line(directory, "cpu.cfs_quota_us", line, sizeof line) && parse(line, quota_us) && /* -1: none */
                       read_line(directory, "cpu.cfs_period_us", line, sizeof line) && parse(line, period_us);
        if (!read_line(directory, "cpu.max", line, sizeof line) || !(space = strchr(line, ' ')))
                return false;
        *space = '\0';
        return parse(line, quota_us) && parse(space + 1, period_us); /* "max": none */
}

/* The tighter of the two is kept; quotas and periods are of microseconds: some 10^6, so that the products fit. */
static void look_at(bool is_v2, const char *directory, struct cpu_quota *best) {
        uint64_t quota_us, period_us;

        if (!read_quota(is_v2, directory, &quota_us, &period_us))
                return;
        if (best->period_us != 0 && (double)quota_us * (double)best->period_us >= (double)best->quota_us * (double)period_us)
                return;
        best->quota_us = quota_us;
        best->period_us = period_us;
        (void)snprintf(best->group, sizeof best->group, "%s", directory);
}

/* From the group up to where it is mounted. `group` is as in /proc/self/cgroup. */
static void climb(const char *root, const struct mount *m, const char *group, struct cpu_quota *best) {
        const size_t shown = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);
        char path[CPU_QUOTA_PATH_MAX];
        size_t top;

        if (strncmp(group, m->root, shown) == 0 && (group[shown] == '/' || group[shown] == '\0'))
                group += shown;
        else
                group = ""; /* out of sight, as in some containers: the mount shows what there is */
        top = (size_t)snprintf(path, sizeof path, "%s%s", root, m->point);
        if (top >= sizeof path || (size_t)snprintf(path + top, sizeof path - top, "%s", group) >= sizeof path - top)
                return;
        for (;;) {
                char *slash;

                look_at(m->is_v2, path, best);
                slash = strrchr(path + top, '/');
                if (!slash)
                        return;
                *slash = '\0';
        }
}

static bool has_word(const char *list, const char *word) {
        size_t length = strlen(word);

        for (const char *at = list; (at = strstr(at, word)); at += length)
                if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
                        return true;
        return false;
}

/* "36 35 98:0 /root /point options - type source options", see proc_pid_mountinfo(5). */
static bool parse_mount(char *line, struct mount *ret) {
        char type[32], options[256], *tail = strstr(line, " - ");

        if (!tail || sscanf(line, "%*s %*s %*s %1023s %1023s", ret->root, ret->point) != 2 ||
            sscanf(tail, " - %31s %*s %255s", type, options) != 2)
                return false;
        ret->is_v2 = strcmp(type, "cgroup2") == 0;
        return ret->is_v2 || (strcmp(type, "cgroup") == 0 && has_word(options, "cpu"));
}

/* The group in the hierarchy, out of "0::/a" or "4:cpu,cpuacct:/a"; false if there is none. */
static bool find_group(const char *root, bool is_v2, char *ret) {
        char path[CPU_QUOTA_PATH_MAX], text[SMALL_FILE_MAX], *rest = text, *line;
        bool found = false;

        (void)snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
        (void)small_file_read(path, text, sizeof text);
        while (!found && (line = strsep(&rest, "\n"))) {
                char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;

                if (!group)
                        continue;
                *group++ = '\0';
                found = is_v2 ? controllers[1] == '\0' : has_word(controllers + 1, "cpu");
                if (found)
                        (void)snprintf(ret, CPU_QUOTA_PATH_MAX, "%s", strcmp(group, "/") == 0 ? "" : group);
        }
        return found;
}

bool cpu_quota_find(const char *root, struct cpu_quota *ret) {
        char path[CPU_QUOTA_PATH_MAX], group[CPU_QUOTA_PATH_MAX], *line = NULL;
        size_t size = 0;
        FILE *file;

        *ret = (struct cpu_quota){ .period_us = 0 };
        (void)snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
        file = fopen(path, "re");
        while (file && getline(&line, &size, file) > 0) {
                struct mount m;

                if (parse_mount(line, &m) && find_group(root, m.is_v2, group))
                        climb(root, &m, group, ret);
        }
        free(line);
        if (file)
                (void)fclose(file);
        return ret->period_us != 0;
}

uint64_t cpu_quota_ceil(const struct cpu_quota *quota) {
        return quota->quota_us / quota->period_us + (quota->quota_us % quota->period_us != 0);
}
