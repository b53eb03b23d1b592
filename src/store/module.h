/* Loads a shared library and finds its functions. */
#ifndef RESTMARK_STORE_MODULE_H
#define RESTMARK_STORE_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct module_symbol {
        const char *name;
        size_t offset; /* of its pointer in the table */
};

/* Loads the library by its file's name, for good, and fills `table`. Returns 0, or -ENOENT with a sentence, in which `wanted_by` is the option that
 * wants it, and `package` who brings it. */
int module_load(const char *file, const struct module_symbol *symbols, size_t n, void *table, const char *wanted_by, const char *package,
                struct error *e);

/* Whether the library could be loaded, which it then is not. */
bool module_is_there(const char *file);

#endif
