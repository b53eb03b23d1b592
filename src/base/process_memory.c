#include "base/process_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* Adds the number of "NAME:   12 kB" to *bytes, in bytes. Returns whether there is such a line. */
static int add_line(const char *text, const char *name, uint64_t *bytes) {
        size_t length = strlen(name);

        while (text && *text) {
                uint64_t kib;

                if (strncmp(text, name, length) == 0 && text[length] == ':' && sscanf(text + length + 1, "%" SCNu64 " kB", &kib) == 1) {
                        *bytes += kib * 1024;
                        return 1;
                }
                text = strchr(text, '\n');
                if (text)
                        text++;
        }
        return 0;
}

int process_memory_parse(const char *text, struct process_memory *ret) {
        struct process_memory memory = { 0 };

        if (!add_line(text, "Rss", &memory.rss_bytes) || !add_line(text, "Pss", &memory.pss_bytes) ||
            !add_line(text, "Private_Clean", &memory.uss_bytes) || !add_line(text, "Private_Dirty", &memory.uss_bytes))
                return -EBADMSG;
        (void)add_line(text, "Private_Hugetlb", &memory.uss_bytes); /* which Rss and Pss leave out; absent from some kernels */
        *ret = memory;
        return 0;
}

int process_memory_read(pid_t pid, struct process_memory *ret) {
        char path[48], text[4096];
        ssize_t n;
        int fd;

        (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, text, sizeof text - 1); /* the kernel makes the whole text at once; it has some 800 bytes */
        if (n < 0)
                n = -errno;
        (void)fd_close(fd);
        if (n <= 0)
                return n < 0 ? (int)n : -ESRCH;
        text[n] = '\0';
        return process_memory_parse(text, ret);
}
