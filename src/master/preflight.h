/* `restmarkd -t`: everything that starting would find wrong, found without binding a port, writing a file or disturbing a
 * daemon that runs. */
#ifndef RESTMARK_MASTER_PREFLIGHT_H
#define RESTMARK_MASTER_PREFLIGHT_H

#include "base/error.h"
#include "config/listen.h"

/* A remark that is no error, such as "127.0.0.1:8080 is in use by a restmarkd that runs". */
typedef void (*preflight_note)(const char *text);

/* Whether one could listen there. A port that a running restmarkd has is a note: it may be the one that this configuration is
 * for. Returns 0 or a negative errno value with a sentence. */
int preflight_listen(const struct listen_list *addresses, preflight_note note, struct error *e);

/* The same for the control socket. */
int preflight_control(const char *path, preflight_note note, struct error *e);

/* Whether the file can be appended to, or made. */
int preflight_access_log(const char *path, struct error *e);

#endif
