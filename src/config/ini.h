/* INI text into raw values that remember where they were written; and values into that text. No meaning is given to them here.
 *
 * A line is "[section]", "key = value" (or "key: value"), a comment (; or # first), or blank; blanks around each part do not count, and a
 * blank followed by ; begins a comment behind a value, too. A value in double quotes is what stands between them, whatever it is: \" and
 * \\ are those characters, \n, \r and \t what they are in C, and \xHH any byte. */
#ifndef RESTMARK_CONFIG_INI_H
#define RESTMARK_CONFIG_INI_H

#include <stdio.h>

#include "base/error.h"

/* Bytes of a line. The longest argument of a command line, 128 KiB, has room however it is quoted. */
enum { INI_LINE_MAX = 768 << 10 };

/* Called for each key, which is known to be non-empty; `section` is NULL before the first one. Returns 0, or a negative errno value with a sentence (to
 * which the file and line are added) to stop. The strings live only during the call. */
typedef int (*ini_value)(void *context, const char *section, const char *key, const char *value, unsigned int line,
                         struct error *e);

/* Called for each [section] line. Same contract. */
typedef int (*ini_section)(void *context, const char *section, struct error *e);

/* Reads the regular file `path`. Returns 0 or a negative errno value; the sentence begins with file and line. */
int ini_read(const char *path, ini_section on_section, ini_value on_value, void *context, struct error *e);

/* Writes the line of a key, quoted where `value` would else be read back as another. */
void ini_write(const char *key, const char *value, FILE *to);

#endif
