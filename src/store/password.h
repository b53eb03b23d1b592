/* Passwords: from a file, or a credential that systemd gives; never from a command line, and never shown. */
#ifndef RESTMARK_STORE_PASSWORD_H
#define RESTMARK_STORE_PASSWORD_H

#include "base/error.h"
#include "store/store.h"

/* Reads the first line of `file`, or if that is "" the credential `name` in $CREDENTIALS_DIRECTORY, if there is one, into `password`, which is "" if
 * there is neither. Returns 0 or a negative errno value with a sentence, which has nothing of the file's content. */
int password_read(const char *file, const char *name, char password[static STORE_PASSWORD_MAX], struct error *e);

#endif
