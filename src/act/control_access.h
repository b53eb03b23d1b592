/* Who may use the control socket: its file's mode and group say who may connect, and so who may ask; who may change anything is decided
 * by what the kernel says of the client. */
#ifndef RESTMARK_ACT_CONTROL_ACCESS_H
#define RESTMARK_ACT_CONTROL_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct control_access {
        mode_t mode;
        bool has_group; /* [admin] control-group is set */
        gid_t group;
};

/* Who a client is, as the kernel says. */
struct control_peer {
        pid_t pid;
        uid_t uid;
        gid_t gid;
        bool may_change; /* root, the daemon's own user, or a member of the group */
};

/* Reads [admin] control-mode ("0660": octal; at least 0600, and nobody executes) and control-group ("" for none). Returns 0, or a negative
 * errno value with a sentence; *ret_bad_group then says which of both is to blame. */
int control_access_find(const char *mode, const char *group, struct control_access *ret, bool *ret_bad_group, struct error *e);

/* Gives the socket file its group and mode. It is to be made with mode 0600, so that it never admits more than it will in the end. */
int control_access_apply(const struct control_access *access, const char *path, struct error *e);

/* Why it cannot be given to the group, by the positive errno value that the kernel gives. Returns -errnum. */
int control_access_explain(const struct control_access *access, const char *path, int errnum, struct error *e);

/* Asks the kernel who is at the other end of `fd`. Returns 0 or a negative errno value. */
int control_access_identify(const struct control_access *access, int fd, struct control_peer *ret);

#endif
