#include "store/pg_library.h"

#include "store/module.h"

struct pg_library pg;

int pg_library_load(struct error *e) {
        static const struct module_symbol symbols[] = {
#define PG_FUNCTION(name) { #name, offsetof(struct pg_library, name) },
                PG_FUNCTIONS(PG_FUNCTION)
#undef PG_FUNCTION
        };
        static bool is_there;
        int r = is_there ? 0 : module_load(PG_LIBRARY, symbols, sizeof symbols / sizeof *symbols, &pg, "[database] url", "libpq5", e);

        is_there = r == 0;
        return r;
}
