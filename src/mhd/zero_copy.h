/* Sending without a copy: what lies in memory that is a file's is sent from the file, by sendfile().
 *
 * libmicrohttpd sends an answer's head and body by sendmsg(), in two parts, and what of the body did not go by send(), both by way of the
 * dynamic linker or, linked statically, of the linker. A program's own definition of a function comes before that of a shared library, so those in zero_copy.c
 * are what it calls. All that is not from the file goes on to whoever defines them next, but for answers that were begun (begun.h). What is assumed of the library: it does not copy a body of
 * MHD_RESPMEM_PERSISTENT, and when less is sent than asked for it waits for the socket to become writable, as these make sure that it then will.
 *
 * SIGPIPE must be ignored: sendfile() knows no MSG_NOSIGNAL. */
#ifndef RESTMARK_MHD_ZERO_COPY_H
#define RESTMARK_MHD_ZERO_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* `bytes` are those of the file `fd` from its begin; both stay as they are and must live as long as anything is sent. */
struct zero_copy_file {
        const char *bytes;
        size_t length;
        int fd;
};

/* From now on what lies in the file is sent from there; with a length of 0: nothing is. There is one file in a process. */
void zero_copy_use(const struct zero_copy_file *file);

/* How many bytes this process has sent without a copy. */
uint64_t zero_copy_bytes(void);

/* Whether all this is so with this library, linker and kernel: has the library send a page of a file through a pair of sockets. For a process that
 * sends nothing yet. Returns 0, or a negative errno value with a sentence that says what is in the way. */
int zero_copy_check(struct error *e);

#endif
