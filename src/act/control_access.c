#include "act/control_access.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_mode(const char *text, mode_t *ret, struct error *e) {
        size_t digits = strspn(text, "01234567");
        unsigned long mode = strtoul(text, NULL, 8);

        if (digits < 3 || digits > 4 || text[digits] != '\0' || (mode & 0600) != 0600 || (mode & ~0666UL) != 0)
                return error_set(e, -EINVAL, "\"%s\" is not the mode of a socket file: write three or four octal digits that let its owner "
                                             "read and write and nobody execute, such as 0660",
                                 text);
        *ret = (mode_t)mode;
        return 0;
}

int control_access_find(const char *mode, const char *group, struct control_access *ret, bool *ret_bad_group, struct error *e) {
        struct control_access access = { .has_group = *group != '\0' };
        const struct group *entry;
        int r = read_mode(mode, &access.mode, e);

        *ret_bad_group = r == 0;
        if (r < 0)
                return r;
        if (access.has_group) {
                errno = 0;
                entry = getgrnam(group);
                if (!entry && (errno == 0 || errno == ENOENT))
                        return error_set(e, -ENOENT, "there is no group \"%s\" on this machine", group);
                if (!entry)
                        return error_set_errno(e, errno, "cannot look up group \"%s\"", group);
                access.group = entry->gr_gid;
        }
        *ret = access;
        return 0;
}

/* A sandbox may forbid the call whatever it asks for, and ours does. */
static bool has_its_group(const struct control_access *access, const char *path) {
        struct stat st;

        return !access->has_group || (lstat(path, &st) == 0 && st.st_gid == access->group);
}

int control_access_explain(const struct control_access *access, const char *path, int errnum, struct error *e) {
        return error_set_errno(e, errnum, "%s: cannot give the socket to group %u", path, (unsigned int)access->group);
}

int control_access_apply(const struct control_access *access, const char *path, struct error *e) {
        if (!has_its_group(access, path) && lchown(path, (uid_t)-1, access->group) < 0)
                return control_access_explain(access, path, errno, e);
        if (chmod(path, access->mode) < 0)
                return error_set_errno(e, errno, "%s: cannot set the socket's mode", path);
        return 0;
}

static bool is_member(const struct control_access *access, int fd, const struct ucred *peer) {
        gid_t groups[256]; /* a client with more supplementary groups is judged by its own group alone */
        socklen_t size = sizeof groups;

        if (peer->gid == access->group)
                return true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
                return false;
        for (size_t i = 0; i < size / sizeof *groups; i++)
                if (groups[i] == access->group)
                        return true;
        return false;
}

int control_access_identify(const struct control_access *access, int fd, struct control_peer *ret) {
        struct ucred peer;
        socklen_t size = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        *ret = (struct control_peer){ .pid = peer.pid,
                                      .uid = peer.uid,
                                      .gid = peer.gid,
                                      .may_change = peer.uid == 0 || peer.uid == geteuid() ||
                                                    (access->has_group && is_member(access, fd, &peer)) };
        return 0;
}
