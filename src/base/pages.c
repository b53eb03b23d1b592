#include "base/pages.h"

#include <sys/mman.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_LOOKED_FOR 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define LEAKS_ARE_LOOKED_FOR 1
#endif

/* Who looks for leaks has to know that what these pages point to is in use. */
#ifdef LEAKS_ARE_LOOKED_FOR
#include <sanitizer/lsan_interface.h>
#define SHOW(pages, bytes) __lsan_register_root_region(pages, bytes)
#define HIDE(pages, bytes) __lsan_unregister_root_region(pages, bytes)
#else
#define SHOW(pages, bytes) ((void)0)
#define HIDE(pages, bytes) ((void)0)
#endif

void *pages_new(size_t bytes) {
        void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (pages == MAP_FAILED)
                return NULL;
        SHOW(pages, bytes);
        return pages;
}

void pages_free(void *pages, size_t bytes) {
        if (!pages)
                return;
        HIDE(pages, bytes);
        (void)munmap(pages, bytes);
}
