#include "base/process_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/small_file.h"

/* Adds the number of "NAME   12 kB" to *bytes, in bytes. Returns whether there is such a line. */
static bool add_line(const char *text, const char *name, uint64_t *bytes) {
        uint64_t kib;

        if (small_file_find_number(text, name, &kib) < 0)
                return false;
        *bytes += kib * 1024;
        return true;
}

int process_memory_parse(const char *text, struct process_memory *ret) {
        struct process_memory memory = { 0 };

        if (!add_line(text, "Rss:", &memory.rss_bytes) || !add_line(text, "Pss:", &memory.pss_bytes) ||
            !add_line(text, "Private_Clean:", &memory.uss_bytes) || !add_line(text, "Private_Dirty:", &memory.uss_bytes))
                return -EBADMSG;
        (void)add_line(text, "Private_Hugetlb:", &memory.uss_bytes); /* which Rss and Pss leave out; absent from some kernels */
        *ret = memory;
        return 0;
}

int process_memory_read(pid_t pid, struct process_memory *ret) {
        char path[48], text[4096]; /* it has some 800 bytes */
        int r;

        (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
        r = small_file_read(path, text, sizeof text);
        if (r == -ENOENT || (r == 0 && *text == '\0'))
                return -ESRCH;
        return r < 0 ? r : process_memory_parse(text, ret);
}
