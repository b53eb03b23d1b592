/* The files that a configuration is made of: one, and those that its lines "include = PATTERN" name. */
#ifndef RESTMARK_CONFIG_FILES_H
#define RESTMARK_CONFIG_FILES_H

#include "base/error.h"
#include "config/raw.h"

enum {
        FILES_DEEP = 8,   /* so many may be open at once, each included by the one before */
        FILES_MAX = 1000, /* and so many read in all: of those that include others twice, the number doubles with each step */
};

/* Reads `path` and all that it includes into *raw, in the order of the lines: what a later file says of an option takes the place of what an earlier
 * one has said. Returns 0, or a negative errno value with a sentence that begins with file and line, those of the including files first. */
int files_read(const char *path, struct raw_config *raw, struct error *e);

#endif
