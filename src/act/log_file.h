/* The file of the access log, as the master opens it for workers. */
#ifndef RESTMARK_ACT_LOG_FILE_H
#define RESTMARK_ACT_LOG_FILE_H

#include "base/error.h"

/* Opens it for appending, and makes it if it is not there. A pipe needs its reader. */
int log_file_open(const char *path, int *ret, struct error *e);

/* Whether log_file_open() would do, in the same words, without making a file; a pipe is not opened, as its reader would see that. Returns
 * 1 for that, 0 for good, or a negative errno value with a sentence. */
int log_file_check(const char *path, struct error *e);

#endif
