/* File descriptors. */
#ifndef RESTMARK_BASE_FD_H
#define RESTMARK_BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Closes `fd` if it is not negative, keeps errno, returns -1: `fd = fd_close(fd);` */
int fd_close(int fd);

/* Fills the memory from the file, in as many reads as that takes; stops early at its end. Returns how many bytes were read, or a negative
 * errno value. */
ssize_t fd_read_up_to(int fd, void *to, size_t length);

/* Closes every descriptor of this process except 0, 1, 2 and the `n` ones in `keep` (sorted in place). For a child
 * right after fork(). Returns 0 or a negative errno value. Where close_range() is refused it takes longer. */
int fd_close_others(int *keep, size_t n);

/* Why close_range() is refused, a negative errno value; 0: it is not. */
int fd_range_refused(void);

/* Opens /dev/null, for reading and writing, or where there is none something that can neither be read nor written. `flags`: O_CLOEXEC or 0.
 * Returns -1 and sets errno on failure. */
int fd_open_null(int flags);

/* Puts /dev/null where standard input, output or error is closed: what is opened later must not be taken for them.
 * Returns 0 or a negative errno value. */
int fd_fill_standard(void);

/* Makes sure that this process may open `needed` descriptors, raising the soft limit up to the hard one.
 * Returns 0 or -EMFILE with a sentence that says what is missing. */
int fd_budget(uint64_t needed, struct error *e);

/* Makes sure that this process may make files, and memory files, of `needed_bytes`, in the same way. Returns 0 or -EFBIG with such a sentence. */
int fd_size_budget(uint64_t needed_bytes, struct error *e);

#endif
