/* Files that options name, as a whole. */
#ifndef RESTMARK_LOAD_VIEW_FILE_H
#define RESTMARK_LOAD_VIEW_FILE_H

#include <stddef.h>

#include "base/error.h"

/* All of a file, "-" being standard input. Returns 0 or a negative errno value with a sentence; `*ret` is the caller's to free. */
int file_read(const char *path, char **ret, size_t *ret_length, struct error *e);

/* What a path is called in sentences: itself, or "standard input". */
const char *file_name(const char *path);

#endif
