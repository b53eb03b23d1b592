#include "act/oom.h"

#include <stdio.h>
#include <string.h>

#include "base/small_file.h"

static bool count(const struct oom *oom, uint64_t *ret) {
        return *oom->path && small_file_number(oom->path, "oom_kill ", ret) == 0; /* the same word in both versions */
}

/* The path behind "0::" or "N:…memory…:" in a line of /proc/self/cgroup; NULL if it is another controller's. */
static const char *path_in_line(char *line, bool *is_version_2) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!path)
                return NULL;
        *path = '\0';
        *is_version_2 = strcmp(line, "0:") == 0;
        return *is_version_2 || strcmp(controllers + 1, "memory") == 0 ? path + 1 : NULL;
}

void oom_init_at(struct oom *oom, const char *root, const char *membership) {
        char text[SMALL_FILE_MAX], *rest = text, *line;

        *oom = (struct oom){ .path = "" };
        (void)snprintf(text, sizeof text, "%s", membership);
        while ((line = strsep(&rest, "\n"))) {
                bool is_version_2;
                const char *path = path_in_line(line, &is_version_2);

                if (!path)
                        continue;
                (void)snprintf(oom->path, sizeof oom->path, "%s%s%s/%s", root, is_version_2 ? "" : "/memory", strcmp(path, "/") == 0 ? "" : path,
                               is_version_2 ? "memory.events" : "memory.oom_control");
                if (count(oom, &oom->kills))
                        return;
        }
        oom->path[0] = '\0';
}

void oom_init(struct oom *oom) {
        char membership[SMALL_FILE_MAX];

        (void)small_file_read("/proc/self/cgroup", membership, sizeof membership);
        oom_init_at(oom, "/sys/fs/cgroup", membership);
}

enum oom_verdict oom_look(struct oom *oom) {
        uint64_t before = oom->kills;

        if (!count(oom, &oom->kills))
                return OOM_UNKNOWN;
        return oom->kills > before ? OOM_KILL : OOM_NONE;
}
