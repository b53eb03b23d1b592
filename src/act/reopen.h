/* Opening the logs again, after something has moved the files away (logrotate). */
#ifndef RESTMARK_ACT_REOPEN_H
#define RESTMARK_ACT_REOPEN_H

#include <stddef.h>

#include "base/error.h"

struct act;

/* Opens the access log of each configuration that workers have and passes it to them: they write what they have gathered to the old
 * file and go on with the new one. What cannot be opened stays as it is. Says what happened to the log and the events; returns
 * 0 with a sentence in `text`, else a negative value with one in `e`. */
int reopen_logs(struct act *act, char *text, size_t size, struct error *e);

#endif
