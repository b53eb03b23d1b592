/* GnuTLS, which libmicrohttpd is linked to and this program has no use for (cmake/NoGnutls.cmake). */
#ifndef RESTMARK_MHD_GNUTLS_H
#define RESTMARK_MHD_GNUTLS_H

#include <stdio.h>

/* Prints a line that says whether this process has loaded it. */
void gnutls_print(FILE *to);

#endif
