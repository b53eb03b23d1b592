#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const char *__asan_default_options(void);

/* Little memory is kept from being used again: an input is short, and pages cost more than it. */
const char *__asan_default_options(void) {
        return "quarantine_size_mb=2:malloc_context_size=8:detect_stack_use_after_return=0";
}

void fuzz_fail(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        (void)fputs("fuzz: ", stderr);
        (void)vfprintf(stderr, format, arguments);
        (void)fputc('\n', stderr);
        va_end(arguments);
        abort();
}

int fuzz_free_descriptor(void) {
        int fd = dup(2);

        REQUIRE(fd >= 0, "no descriptor is left");
        (void)close(fd);
        return fd;
}

const char *fuzz_file(const void *bytes, size_t length) {
        static char path[32];
        static int fd = -1;

        if (fd < 0) {
                fd = memfd_create("fuzz", MFD_CLOEXEC);
                REQUIRE(fd >= 0, "cannot make a memory file");
                (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        }
        REQUIRE(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, length, 0) == (ssize_t)length, "cannot write a memory file");
        return path;
}
