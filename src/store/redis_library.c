#include "store/redis_library.h"

#include "store/module.h"

struct redis_library redis;

int redis_library_load(struct error *e) {
        static const struct module_symbol symbols[] = {
#define REDIS_FUNCTION(name) { #name, offsetof(struct redis_library, name) },
                REDIS_FUNCTIONS(REDIS_FUNCTION)
#undef REDIS_FUNCTION
        };
        static bool is_there;
        int r = is_there ? 0 : module_load(REDIS_LIBRARY, symbols, sizeof symbols / sizeof *symbols, &redis, "[cache] url",
                                           "libhiredis0.14 (Debian 12) or libhiredis1.1.0 (13)", e);

        is_there = r == 0;
        return r;
}
