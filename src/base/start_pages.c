#include "base/start_pages.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

struct mapping {
        uintptr_t begin, end;
        bool is_clean_file; /* a private, read-only one of a file, as far as is known yet */
};

/* If it is the first line of a mapping in /proc/self/smaps: "7f…-7f… r-xp 00000000 fe:01 1234   /usr/lib/…". */
static void read_begin(const char *line, struct mapping *ret) {
        struct mapping found;
        char permissions[5];
        unsigned long inode;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &found.begin, &found.end, permissions, &inode) != 4)
                return;
        *ret = found;
        ret->is_clean_file = inode != 0 && permissions[0] == 'r' && permissions[1] == '-' && permissions[3] == 'p';
}

static bool give_back(const struct mapping *mapping) {
        return mapping->is_clean_file && madvise((void *)mapping->begin, mapping->end - mapping->begin, MADV_DONTNEED) == 0; /* NOLINT: an address */
}

size_t start_pages_give_back(void) {
        FILE *file = fopen("/proc/self/smaps", "re");
        struct mapping mapping = { .is_clean_file = false };
        char line[4096 + 128]; /* a path and what stands before it */
        size_t n = 0;

        if (!file)
                return 0;
        while (fgets(line, sizeof line, file)) {
                unsigned long kib;

                /* Of each mapping this comes behind its first line and before the next one's. */
                if (sscanf(line, "Anonymous: %lu kB", &kib) == 1) {
                        mapping.is_clean_file &= kib == 0;
                        n += give_back(&mapping);
                } else
                        read_begin(line, &mapping);
        }
        (void)fclose(file);
        return n;
}
