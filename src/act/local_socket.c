#include "act/local_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

pid_t local_socket_owner(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size = sizeof(struct ucred);
        struct ucred owner;
        pid_t result;
        int fd;

        strncpy(address.sun_path, path, sizeof address.sun_path - 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
                result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) == 0 ? owner.pid : -errno;
        else if (errno == ENOENT || errno == ECONNREFUSED)
                result = 0;
        else if (errno == EAGAIN)
                result = -EBUSY; /* somebody is there whose queue is full */
        else
                result = -errno;
        (void)fd_close(fd);
        return result;
}

int local_socket_examine(const struct listen_address *address, pid_t *ret_owner, struct error *e) {
        const char *path = address->socket.local.sun_path;
        char directory[sizeof address->socket.local.sun_path];
        struct stat st;

        *ret_owner = local_socket_owner(path);
        if (*ret_owner < 0)
                return error_set_errno(e, -*ret_owner, "%s: cannot tell whether anybody has this socket", path);
        strcpy(directory, path);
        *strrchr(directory, '/') = '\0';
        if (access(*directory ? directory : "/", W_OK | X_OK) < 0)
                return error_set_errno(e, errno, "%s: cannot make the socket in its directory", path);
        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : error_set_errno(e, errno, "%s: cannot examine the socket", path);
        return S_ISSOCK(st.st_mode) ? 1 : error_set(e, -EEXIST, "%s: exists and is not a socket: it will not be replaced", path);
}

/* Makes way for a new one. */
static int remove_stale(const struct listen_address *address, struct error *e) {
        const char *path = address->socket.local.sun_path;
        pid_t owner;
        int r = local_socket_examine(address, &owner, e);

        if (r < 0)
                return r;
        if (owner > 0)
                return error_set(e, -EADDRINUSE, "%s is in use by process %d: stop that, or listen elsewhere", path, (int)owner);
        if (r == 1 && unlink(path) < 0)
                return error_set_errno(e, errno, "%s: cannot remove the stale socket", path);
        return 0;
}

int local_socket_bind(const struct listen_address *address, int *ret, struct error *e) {
        const char *path = address->socket.local.sun_path;
        int fd, r = remove_stale(address, e);
        mode_t mask;

        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return error_set_errno(e, errno, "cannot make a socket");
        mask = umask(0177);
        r = bind(fd, &address->socket.any, sizeof address->socket.local) < 0 ? -errno : 0;
        (void)umask(mask);
        if (r < 0) {
                (void)fd_close(fd);
                return error_set_errno(e, -r, "%s: cannot make the socket in its directory", path);
        }
        *ret = fd;
        return 0;
}

struct local_place local_socket_find(const struct listen_address *address) {
        struct stat st;

        if (lstat(address->socket.local.sun_path, &st) < 0)
                return (struct local_place){ 0 };
        return (struct local_place){ .device = st.st_dev, .inode = st.st_ino };
}

void local_socket_remove(const struct listen_address *address, const struct local_place *place) {
        const struct local_place now = local_socket_find(address);

        if (place->inode != 0 && now.inode == place->inode && now.device == place->device && unlink(address->socket.local.sun_path) < 0)
                log_message(LOG_WARNING, "%s: cannot remove the socket: %m", address->socket.local.sun_path);
}
