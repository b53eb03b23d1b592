#include "store/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

int module_load(const char *file, const struct module_symbol *symbols, size_t n, void *table, const char *wanted_by, const char *package,
                struct error *e) {
        void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

        if (!library)
                return error_set(e, -ENOENT, "%s needs a library that cannot be loaded: %s; on Debian it is in %s", wanted_by, dlerror(), package);
        for (size_t i = 0; i < n; i++) {
                void *function = dlsym(library, symbols[i].name);

                if (!function) {
                        int r = error_set(e, -ENOENT, "%s needs %s, which %s does not have: it is too old", wanted_by, symbols[i].name, file);

                        (void)dlclose(library);
                        return r;
                }
                memcpy((char *)table + symbols[i].offset, &function, sizeof function);
        }
        return 0;
}

bool module_is_there(const char *file) {
        void *library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);

        if (library)
                (void)dlclose(library);
        return library != NULL;
}
