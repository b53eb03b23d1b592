#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "act/control.h"
#include "act/local_socket.h"

int control_check_path(const char *path, struct error *e) {
        const struct sockaddr_un address;

        if (strlen(path) >= sizeof address.sun_path)
                return error_set(e, -ENAMETOOLONG, "%s: a Unix socket's path can have %zu bytes, this one has %zu", path,
                                 sizeof address.sun_path - 1, strlen(path));
        if (*path != '/')
                return error_set(e, -EINVAL, "%s: write the whole path of the socket, from /, or none", path);
        return 0;
}

int control_explain(enum control_step step, const char *path, int errnum, struct error *e) {
        static const char *const texts[] = { [CONTROL_STEP_DIRECTORY] = "cannot make the directory of the control socket",
                                             [CONTROL_STEP_EXAMINE] = "cannot examine the control socket",
                                             [CONTROL_STEP_REMOVE] = "cannot remove the stale control socket",
                                             [CONTROL_STEP_MAKE] = "cannot make the control socket" };

        return error_set_errno(e, errnum, "%s: %s", path, texts[step]);
}

int control_examine(const char *path, struct control_place *ret, struct error *e) {
        struct stat st;

        *ret = (struct control_place){ .owner = local_socket_owner(path) };
        if (ret->owner < 0)
                return error_set_errno(e, -ret->owner, "%s: cannot tell whether another daemon has this control socket", path);
        ret->exists = lstat(path, &st) == 0;
        if (!ret->exists && errno != ENOENT)
                return control_explain(CONTROL_STEP_EXAMINE, path, errno, e);
        if (ret->exists && !S_ISSOCK(st.st_mode))
                return error_set(e, -EEXIST, "%s: exists and is not a socket: it will not be replaced", path);
        return 0;
}

static int in_directory(const char *directory, const char *below, char **ret, struct error *e) {
        if (asprintf(ret, "%s%s/control.sock", directory, below) < 0)
                return error_set_errno(e, ENOMEM, "cannot keep the control socket's path");
        return 0;
}

int control_resolve_path(const char *configured, char **ret, struct error *e) {
        const char *directory;
        char *path = NULL;

        if (strcmp(configured, "none") == 0 || !*configured) {
                *ret = NULL;
                return 0;
        }
        if (strcmp(configured, "auto") != 0) {
                path = strdup(configured);
                if (!path)
                        return error_set_errno(e, ENOMEM, "cannot keep the control socket's path");
                *ret = path;
                return 0;
        }
        directory = getenv("RUNTIME_DIRECTORY"); /* systemd.exec(5); a list of them is not what we ask systemd for */
        if (directory && *directory == '/' && !strchr(directory, ':'))
                return in_directory(directory, "", ret, e);
        if (geteuid() == 0)
                return in_directory("/run", "/restmark", ret, e);
        directory = getenv("XDG_RUNTIME_DIR");
        if (directory && *directory == '/')
                return in_directory(directory, "/restmark", ret, e);
        *ret = NULL;
        return 0;
}
