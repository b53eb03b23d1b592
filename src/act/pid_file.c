#include "act/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

struct pid_file {
        char *path;
        int fd;
};

static int check_path(const char *path, struct error *e) {
        return *path == '/' ? 0 : error_set(e, -EINVAL, "\"%s\": write the whole path of the file, from /", path);
}

/* A link could lead to anybody's file, which would be emptied. */
static int check_kind(const char *path, mode_t mode, struct error *e) {
        return S_ISREG(mode) ? 0 : error_set(e, -EEXIST, "%s: exists and is not a regular file: it will not be replaced", path);
}

/* Whether the path still leads to what is open. */
static bool is_in_place(const char *path, int fd) {
        struct stat open_one, named;

        return fstat(fd, &open_one) == 0 && lstat(path, &named) == 0 && open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static int explain_locked(const char *path, int fd, struct error *e) {
        char text[16] = "";
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        long pid = n > 0 ? strtol(text, NULL, 10) : 0;

        if (pid > 0)
                return error_set(e, -EEXIST, "%s belongs to process %ld, which runs: stop that, or take another file", path, pid);
        return error_set(e, -EEXIST, "%s belongs to a daemon that is just starting: stop that, or take another file", path);
}

/* Opened and locked; whoever had it may have removed it between the two. */
static int open_locked(const char *path, int *ret, struct error *e) {
        struct stat st;
        int fd, r;

        for (;;) {
                if (lstat(path, &st) == 0 && check_kind(path, st.st_mode, e) < 0)
                        return -EEXIST;
                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);
                if (fd < 0)
                        return error_set_errno(e, errno, "%s: cannot open the file for the process number", path);
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        r = errno == EWOULDBLOCK ? explain_locked(path, fd, e) : error_set_errno(e, errno, "%s: cannot lock the file", path);
                        (void)fd_close(fd);
                        return r;
                }
                if (is_in_place(path, fd))
                        break;
                (void)fd_close(fd);
        }
        if (ftruncate(fd, 0) < 0) { /* nobody should take the number of a dead one for ours */
                r = error_set_errno(e, errno, "%s: cannot empty the file", path);
                (void)fd_close(fd);
                return r;
        }
        *ret = fd;
        return 0;
}

int pid_file_adopt(const char *path, int fd, struct pid_file **ret, struct error *e) {
        struct pid_file *file = malloc(sizeof *file);

        if (file)
                file->path = strdup(path);
        if (!file || !file->path) {
                free(file);
                return error_set_errno(e, ENOMEM, "cannot keep the file for the process number");
        }
        file->fd = fd;
        *ret = file;
        return 0;
}

int pid_file_open(const char *path, struct pid_file **ret, struct error *e) {
        int fd, r = check_path(path, e);

        if (r == 0)
                r = open_locked(path, &fd, e);
        if (r < 0)
                return r;
        r = pid_file_adopt(path, fd, ret, e);
        if (r < 0)
                (void)fd_close(fd);
        return r;
}

int pid_file_check(const char *path, struct error *e) {
        char directory[PATH_MAX];
        struct stat st;
        char *slash;
        int fd, locked;

        if (check_path(path, e) < 0)
                return -EINVAL;
        if (strlen(path) >= sizeof directory)
                return error_set_errno(e, ENAMETOOLONG, "the path of the file");
        strcpy(directory, path);
        slash = strrchr(directory, '/');
        slash[slash == directory] = '\0';
        if (access(directory, W_OK | X_OK) < 0)
                return error_set_errno(e, errno, "%s: cannot make the file in its directory", path);
        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : error_set_errno(e, errno, "%s: cannot examine the file", path);
        if (check_kind(path, st.st_mode, e) < 0)
                return -EEXIST;
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return error_set_errno(e, errno, "%s: cannot open the file for the process number", path);
        locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
        (void)fd_close(fd);
        return locked;
}

int pid_file_write(const struct pid_file *file, struct error *e) {
        char text[16];
        int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
        ssize_t n = pwrite(file->fd, text, (size_t)length, 0);

        if (n == length)
                return 0;
        return error_set_errno(e, n < 0 ? errno : ENOSPC, "%s: cannot write the process number", file->path);
}

int pid_file_fd(const struct pid_file *file) {
        return file ? file->fd : -1;
}

struct pid_file *pid_file_free(struct pid_file *file) {
        if (!file)
                return NULL;
        /* While it is locked: nobody else can have it yet. */
        if (is_in_place(file->path, file->fd) && unlink(file->path) < 0)
                log_message(LOG_WARNING, "%s: cannot remove the file: %m", file->path);
        (void)fd_close(file->fd);
        free(file->path);
        free(file);
        return NULL;
}
