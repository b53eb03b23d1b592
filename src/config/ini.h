/* INI text, by inih, into raw values that remember where they were written. No meaning is given to them here. */
#ifndef RESTMARK_CONFIG_INI_H
#define RESTMARK_CONFIG_INI_H

#include "base/error.h"

/* Called for each key; `section` and `key` are known to be non-empty. Returns 0, or a negative errno value with a sentence (to
 * which the file and line are added) to stop. The strings live only during the call. */
typedef int (*ini_value)(void *context, const char *section, const char *key, const char *value, unsigned int line,
                         struct error *e);

/* Called for each [section] line. Same contract. */
typedef int (*ini_section)(void *context, const char *section, struct error *e);

/* Reads the regular file `path`. Returns 0 or a negative errno value; the sentence begins with file and line. */
int ini_read(const char *path, ini_section on_section, ini_value on_value, void *context, struct error *e);

#endif
