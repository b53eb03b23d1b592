/* Everything that starting would find wrong with this machine, found without binding a port, writing a file or disturbing a daemon that
 * runs: for `restmarkd -t`, and for a reload, whose next restart has to work. In the words of a start. */
#ifndef RESTMARK_ACT_PREFLIGHT_H
#define RESTMARK_ACT_PREFLIGHT_H

#include <stdbool.h>

#include "act/control_access.h"
#include "base/error.h"
#include "config/config.h"

/* A remark that is no error, such as "127.0.0.1:8080 is in use by a restmarkd that runs". */
typedef void (*preflight_note)(const char *text);

/* Whether a daemon could start with `config`. If one runs, started with `running` (else NULL), it is about what a restart would change.
 * A port that a running restmarkd has is a note: it may be the one that this configuration is for. `given`: systemd gives the listening
 * sockets. Returns 0, or a negative errno value with a sentence that names file and line. */
int preflight_start(const struct config *config, const struct config *running, bool given, preflight_note note, struct error *e);

/* What [admin] control, control-mode and control-group mean, for a check as for a start: the socket's path (the caller frees it; NULL for
 * none) and who may use it. Returns 0, or a negative errno value with a sentence, and *ret_bad is the option to blame. */
int preflight_control(const struct config *config, char **ret_path, struct control_access *ret, enum option_id *ret_bad, struct error *e);

#endif
