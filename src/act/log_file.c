#include "act/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static int refuse_type(const char *path, mode_t mode, struct error *e) {
        if (S_ISDIR(mode))
                return error_set(e, -EISDIR, "%s: is a directory, not a file", path);
        if (S_ISSOCK(mode))
                return error_set(e, -ENXIO, "%s: is a socket: the access log goes to a file or a pipe", path);
        return 0;
}

static int explain(const char *path, int errnum, struct error *e) {
        if (errnum == ENXIO) /* O_NONBLOCK: neither the start nor a worker waits for a pipe's reader */
                return error_set(e, -ENXIO, "%s: nobody reads this pipe: start its reader first", path);
        return error_set_errno(e, errnum, "%s: cannot open the access log", path);
}

int log_file_open(const char *path, int *ret, struct error *e) {
        struct stat st;
        int fd, r = stat(path, &st) == 0 ? refuse_type(path, st.st_mode, e) : 0;

        if (r < 0)
                return r;
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
        if (fd < 0)
                return explain(path, errno, e);
        *ret = fd;
        return 0;
}

/* Where a file would be made: the directory of `path`, or of what a symbolic link to nothing points to. */
static int find_directory(const char *path, char directory[static PATH_MAX]) {
        char target[PATH_MAX];
        size_t length = strlen(path);
        char *slash;

        if (length >= PATH_MAX)
                return -ENAMETOOLONG;
        memcpy(directory, path, length + 1);
        for (;;) {
                ssize_t n = readlink(directory, target, sizeof target - 1);

                slash = strrchr(directory, '/');
                length = slash ? (size_t)(slash - directory) + 1 : 0;
                if (n < 0)
                        break;
                target[n] = '\0';
                if (*target == '/')
                        length = 0;
                if (length + (size_t)n >= PATH_MAX)
                        return -ENAMETOOLONG;
                memcpy(directory + length, target, (size_t)n + 1); /* never in circles: that stat() has found out */
        }
        (void)strcpy(directory + length, length > 0 ? "" : ".");
        return 0;
}

int log_file_check(const char *path, struct error *e) {
        char directory[PATH_MAX];
        struct stat st;
        int fd, r;

        if (stat(path, &st) == 0) {
                r = refuse_type(path, st.st_mode, e);
                if (r == 0 && S_ISFIFO(st.st_mode))
                        return access(path, W_OK) < 0 ? explain(path, errno, e) : 1;
                if (r == 0)
                        r = log_file_open(path, &fd, e);
                if (r == 0)
                        (void)fd_close(fd);
                return r;
        }
        if (errno != ENOENT)
                return explain(path, errno, e);
        r = find_directory(path, directory);
        if (r < 0)
                return explain(path, -r, e);
        return access(directory, W_OK | X_OK) < 0 ? explain(path, errno, e) : 0;
}
