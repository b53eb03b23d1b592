/* Small files, as the kernel shows its numbers in /proc and /sys: the whole text at once. Not for tables that have no bound, as
 * /proc/self/mountinfo and /proc/net/tcp. */
#ifndef RESTMARK_BASE_SMALL_FILE_H
#define RESTMARK_BASE_SMALL_FILE_H

#include <stddef.h>
#include <stdint.h>

enum { SMALL_FILE_MAX = 8192 }; /* bytes that are room enough for any that is read here */

/* Reads the file at `path` into `text`, as a string. Returns 0, or a negative errno value: -EFBIG if it has `size` bytes or more. `text` is
 * then empty. */
int small_file_read(const char *path, char *text, size_t size);

/* What follows `name` in the first line of `text` that begins with it; NULL if none does. */
const char *small_file_line(const char *text, const char *name);

/* The decimal number, after blanks, that follows `name` in that line ("": of the first). Returns 0, or -EBADMSG if there is none; *ret is
 * then untouched. */
int small_file_find_number(const char *text, const char *name, uint64_t *ret);

/* Both, of the file at `path`. Returns 0, or a negative errno value of either. */
int small_file_number(const char *path, const char *name, uint64_t *ret);

#endif
