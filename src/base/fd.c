#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
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

static int compare_fds(const void *left, const void *right) {
        int a = *(const int *)left, b = *(const int *)right;

        return (a > b) - (a < b);
}

int fd_close_others(int *keep, size_t n) {
        unsigned int next = STDERR_FILENO + 1;

        qsort(keep, n, sizeof *keep, compare_fds);
        for (size_t i = 0; i < n; i++) {
                if (keep[i] < 0 || (unsigned int)keep[i] < next)
                        continue;
                if ((unsigned int)keep[i] > next && close_range(next, (unsigned int)keep[i] - 1, 0) < 0)
                        return -errno;
                next = (unsigned int)keep[i] + 1;
        }
        return close_range(next, ~0u, 0) < 0 ? -errno : 0;
}

int fd_fill_standard(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDWR); /* inherited, as the standard descriptors are */
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd < 0)
                return -errno;
        (void)fd_close(fd);
        return 0;
}

int fd_budget(uint64_t needed, struct error *e) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return error_set_errno(e, errno, "cannot read the limit of open files");
        if (limit.rlim_cur >= needed)
                return 0;
        if (limit.rlim_max < needed)
                return error_set(e, -EMFILE,
                                 "%llu open files are needed, but the hard limit is %llu: lower [limits] max-connections or "
                                 "raise the limit (ulimit -n, LimitNOFILE= in the systemd unit)",
                                 (unsigned long long)needed, (unsigned long long)limit.rlim_max);
        limit.rlim_cur = needed;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return error_set_errno(e, errno, "cannot raise the limit of open files to %llu", (unsigned long long)needed);
        return 0;
}
