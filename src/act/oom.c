#include "act/oom.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* Reads a small file of the kernel's. Returns whether there is one. */
static bool read_text(const char *path, char *text, size_t size) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return false;
        n = read(fd, text, size - 1);
        (void)fd_close(fd);
        text[n > 0 ? n : 0] = '\0';
        return n > 0;
}

static bool count(const struct oom *oom, uint64_t *ret) {
        static const char key[] = "oom_kill "; /* the same word in both versions */
        char text[1024];

        if (!*oom->path || !read_text(oom->path, text, sizeof text))
                return false;
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, sizeof key - 1) == 0)
                        return sscanf(line + sizeof key - 1, "%" SCNu64, ret) == 1;
        }
        return false;
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
        char text[4096], *rest = text, *line;

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
        char membership[4096] = "";

        (void)read_text("/proc/self/cgroup", membership, sizeof membership);
        oom_init_at(oom, "/sys/fs/cgroup", membership);
}

enum oom_verdict oom_look(struct oom *oom) {
        uint64_t before = oom->kills;

        if (!count(oom, &oom->kills))
                return OOM_UNKNOWN;
        return oom->kills > before ? OOM_KILL : OOM_NONE;
}
