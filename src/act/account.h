/* Who the workers run as: [server] user and group. */
#ifndef RESTMARK_ACT_ACCOUNT_H
#define RESTMARK_ACT_ACCOUNT_H

#include "base/error.h"
#include "shared/heritage.h"

/* Looks up `user` and `group` ("" for not set). Returns 0, -ENOENT (unknown), -EPERM (only root can change) or another negative errno
 * value, with a sentence. */
int account_find(const char *user, const char *group, struct account *ret, struct error *e);

#endif
