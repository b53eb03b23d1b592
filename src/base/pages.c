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

#ifdef LEAKS_ARE_LOOKED_FOR
#include <sanitizer/lsan_interface.h>
#else
/* Who looks for leaks has to know that what these pages point to is in use. */
#define __lsan_register_root_region(begin, size) ((void)(begin), (void)(size))
#define __lsan_unregister_root_region(begin, size) ((void)(begin), (void)(size))
#endif

void *pages_new(size_t bytes) {
        void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (pages == MAP_FAILED)
                return NULL;
        __lsan_register_root_region(pages, bytes);
        return pages;
}

void pages_free(void *pages, size_t bytes) {
        if (!pages)
                return;
        __lsan_unregister_root_region(pages, bytes);
        (void)munmap(pages, bytes);
}
