#include "base/start_pages.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum {
        ENTRIES = 512,             /* of the page table that are read at a time */
        STACK_BYTES = 1024 * 1024, /* as deep as a start may have been; the kernel keeps other mappings further off */
};

#define PAGE_PRESENT ((uint64_t)1 << 63)
#define PAGE_SWAPPED ((uint64_t)1 << 62)
#define PAGE_OF_FILE ((uint64_t)1 << 61)

struct mapping {
        uintptr_t begin, end;
};

/* A private one of a file that cannot be written to: "7f…-7f… r-xp 00000000 fe:01 1234   /usr/lib/…". Without sscanf(), which took half of the time of all. */
static bool read_mapping(const char *line, struct mapping *ret) {
        char *at;

        ret->begin = strtoul(line, &at, 16);
        if (*at != '-')
                return false;
        ret->end = strtoul(at + 1, &at, 16);
        if (strncmp(at, " r-", 3) != 0 || at[3] == '\0' || at[4] != 'p')
                return false;
        at = strchr(at + 1, ' ');                    /* behind the permissions, */
        at = at ? strchr(at + 1, ' ') : NULL;        /* the offset */
        at = at ? strchr(at + 1, ' ') : NULL;        /* and the device: */
        return at && strtoul(at + 1, NULL, 10) != 0; /* the number of the file */
}

/* Whether no page of it has been written to. The kernel's own list of mappings with their sums (smaps) says that as well, at ten times the cost. */
static bool is_clean(int pagemap, const struct mapping *mapping, size_t page_size) {
        uint64_t entries[ENTRIES];
        size_t n = (mapping->end - mapping->begin) / page_size, at = mapping->begin / page_size;

        while (n > 0) {
                size_t part = n < ENTRIES ? n : ENTRIES;

                if (pread(pagemap, entries, part * sizeof *entries, (off_t)(at * sizeof *entries)) != (ssize_t)(part * sizeof *entries))
                        return false;
                for (size_t i = 0; i < part; i++)
                        if (entries[i] & PAGE_SWAPPED || (entries[i] & PAGE_PRESENT && !(entries[i] & PAGE_OF_FILE)))
                                return false;
                n -= part;
                at += part;
        }
        return true;
}

static size_t give_back_files(FILE *maps, int pagemap, size_t page_size) {
        char line[4096 + 128]; /* a path and what stands before it */
        size_t n = 0;

        while (fgets(line, sizeof line, maps)) {
                struct mapping mapping;

                if (read_mapping(line, &mapping) && is_clean(pagemap, &mapping, page_size))
                        n += madvise((void *)mapping.begin, mapping.end - mapping.begin, MADV_DONTNEED) == 0; /* NOLINT: an address */
        }
        return n;
}

/* What lies below the caller's frame, which nobody will read again. It may be that less is mapped, about which the kernel complains when it is done. */
static void give_back_stack(size_t page_size) {
        uintptr_t here = (uintptr_t)__builtin_frame_address(0) / page_size * page_size - page_size; /* what is called from here has a page */

        (void)madvise((void *)(here - STACK_BYTES), STACK_BYTES, MADV_DONTNEED); /* NOLINT: an address */
}

__attribute__((noinline)) static size_t give_back(size_t page_size) {
        char buffer[4096]; /* rather than one of the heap's pages */
        FILE *maps = fopen("/proc/self/maps", "re");
        int pagemap = maps ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
        size_t n = 0;

        if (maps && pagemap >= 0 && setvbuf(maps, buffer, _IOFBF, sizeof buffer) == 0)
                n = give_back_files(maps, pagemap, page_size);
        (void)fd_close(pagemap);
        if (maps)
                (void)fclose(maps);
        return n;
}

bool start_pages_is_alone(void) {
        struct stat of;

        return stat("/proc/self/task", &of) == 0 && of.st_nlink == 3; /* by two names, and by one in the folder of each thread; without /proc nothing can be given back */
}

size_t start_pages_give_back(void) {
        size_t page_size = (size_t)sysconf(_SC_PAGESIZE), n = give_back(page_size);

        give_back_stack(page_size);
        return n;
}
