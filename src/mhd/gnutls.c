#include "mhd/gnutls.h"

#include <dlfcn.h>
#include <stddef.h>

/* The file that a function is in, as the loader knows it; NULL: no library has it. */
static const char *file_of(const char *function) {
        void *address = dlsym(RTLD_DEFAULT, function);
        Dl_info info;

        return address && dladdr(address, &info) != 0 ? info.dli_fname : NULL;
}

void gnutls_print(FILE *to) {
        const char *stand_in = file_of("restmark_no_gnutls"), *library = file_of("gnutls_global_init");

        if (stand_in)
                (void)fprintf(to, "gnutls: no, %s is in its place\n", stand_in);
        else if (library)
                (void)fprintf(to, "gnutls: loaded for libmicrohttpd and not used: %s\n", library);
        else
                (void)fprintf(to, "gnutls: no\n");
}
