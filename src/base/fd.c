#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

int fd_close(int fd) {
        int saved = errno;

        if (fd >= 0)
                (void)close(fd); /* nothing is buffered in the descriptors that this is used for */
        errno = saved;
        return -1;
}

ssize_t fd_read_up_to(int fd, void *to, size_t length) {
        char *bytes = to;
        size_t done = 0;

        while (done < length) {
                ssize_t n = read(fd, bytes + done, length - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

static int compare_fds(const void *left, const void *right) {
        int a = *(const int *)left, b = *(const int *)right;

        return (a > b) - (a < b);
}

/* Where close_range() is refused, by a filter of system calls or a kernel before 5.9: one after the other. Returns 0 or a negative errno value. */
static int close_one_by_one(unsigned int first, unsigned int last) {
        DIR *open_ones = opendir("/proc/self/fd");
        struct rlimit limit;
        struct dirent *entry;

        if (!open_ones) { /* no /proc: all that there may be */
                if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                        return -errno;
                for (unsigned int fd = first; fd <= last && fd < limit.rlim_cur; fd++)
                        (void)fd_close((int)fd);
                return 0;
        }
        while ((entry = readdir(open_ones))) {
                unsigned long fd = strtoul(entry->d_name, NULL, 10); /* 0 for "." and "..", which is never in the range */

                if (fd >= first && fd <= last && fd != (unsigned long)dirfd(open_ones))
                        (void)fd_close((int)fd);
        }
        (void)closedir(open_ones);
        return 0;
}

static int close_between(unsigned int first, unsigned int last) {
        if (close_range(first, last, 0) == 0)
                return 0;
        return errno == ENOSYS || errno == EPERM || errno == EACCES ? close_one_by_one(first, last) : -errno;
}

int fd_close_others(int *keep, size_t n) {
        unsigned int next = STDERR_FILENO + 1;

        qsort(keep, n, sizeof *keep, compare_fds);
        for (size_t i = 0; i < n; i++) {
                if (keep[i] < 0 || (unsigned int)keep[i] < next)
                        continue;
                if ((unsigned int)keep[i] > next) {
                        int r = close_between(next, (unsigned int)keep[i] - 1);

                        if (r < 0)
                                return r;
                }
                next = (unsigned int)keep[i] + 1;
        }
        return close_between(next, INT_MAX);
}

int fd_range_refused(void) {
        return close_range(INT_MAX, INT_MAX, 0) < 0 ? -errno : 0;
}

int fd_open_null(int flags) {
        int fd = open("/dev/null", O_RDWR | flags);

        if (fd < 0 && (errno == ENOENT || errno == EACCES || errno == EPERM || errno == ENXIO))
                fd = open("/", O_RDONLY | O_DIRECTORY | flags); /* of which nothing can be read, and to which nothing can be written */
        return fd;
}

int fd_fill_standard(void) {
        for (int want = STDIN_FILENO; want <= STDERR_FILENO; want++) {
                int fd = want;

                if (fcntl(want, F_GETFD) < 0)
                        fd = fd_open_null(0); /* inherited, as the standard descriptors are; the lowest number is taken */
                if (fd < 0)
                        return -errno;
        }
        return 0;
}

/* Returns 0, or a negative errno value: -EPERM if the hard limit, *ret_hard, is below. */
static int raise_soft_limit(unsigned int resource, uint64_t needed, unsigned long long *ret_hard) {
        struct rlimit limit;

        if (getrlimit(resource, &limit) < 0)
                return -errno;
        *ret_hard = limit.rlim_max;
        if (limit.rlim_cur >= needed)
                return 0;
        if (limit.rlim_max < needed)
                return -EPERM;
        limit.rlim_cur = needed;
        return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int fd_budget(uint64_t needed, struct error *e) {
        unsigned long long hard = 0;
        int r = raise_soft_limit(RLIMIT_NOFILE, needed, &hard);

        if (r == -EPERM && hard < needed)
                return error_set(e, -EMFILE,
                                 "%llu open files are needed, but the hard limit is %llu: have fewer connections, or raise the limit (ulimit -n, "
                                 "LimitNOFILE= in the systemd unit)",
                                 (unsigned long long)needed, hard);
        return r < 0 ? error_set_errno(e, -r, "cannot raise the limit of open files to %llu", (unsigned long long)needed) : 0;
}

int fd_size_budget(uint64_t needed_bytes, struct error *e) {
        unsigned long long hard = 0;
        int r = raise_soft_limit(RLIMIT_FSIZE, needed_bytes, &hard);

        if (r == -EPERM && hard < needed_bytes)
                return error_set(e, -EFBIG,
                                 "%llu bytes of shared memory are needed, and count as a file's, but the limit of file sizes is %llu bytes: "
                                 "raise it (ulimit -f, LimitFSIZE= in the systemd unit)",
                                 (unsigned long long)needed_bytes, hard);
        return r < 0 ? error_set_errno(e, -r, "cannot raise the limit of file sizes to %llu bytes", (unsigned long long)needed_bytes) : 0;
}
