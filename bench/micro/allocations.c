/* The allocator's entry points, taken over to be counted: in an executable they come before libc's for every library in the
 * process, msgpack-c and json-c included. Each costs about a nanosecond more than it would, which struct mode, that never
 * calls them, does not pay: against malloc's own 20 ns, no more than a few per cent of a tree's time. */
#include <features.h>

#include "micro.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
static int64_t allocations;

/* glibc's own names for what is overridden here. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *old, size_t size);

void *malloc(size_t size) {
        allocations++;
        return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        allocations++;
        return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
        allocations++;
        return __libc_realloc(old, size);
}

int64_t allocations_counted(void) {
        return allocations;
}
#else
/* A sanitizer has taken them over already, or this libc has no other name for them. */
int64_t allocations_counted(void) {
        return -1;
}
#endif
