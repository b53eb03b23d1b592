/* Preloaded into a restmarkd under test: while the file that RESTMARK_WRONG_ANSWER names exists, the last byte of each answer on a Unix
 * stream socket, which is the canary's private connection, is a wrong one. Everything else is as it would be. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BODY_MAX = 4096 };

static bool is_wanted(int fd, const void *data, size_t size) {
        const char *flag = getenv("RESTMARK_WRONG_ANSWER");
        static const char start[] = "HTTP/1.1 200";
        int domain = 0;
        socklen_t length = sizeof domain;

        return size >= sizeof start - 1 && memcmp(data, start, sizeof start - 1) == 0 && flag && access(flag, F_OK) == 0 &&
               getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

static ssize_t real_sendmsg(int fd, const struct msghdr *message, int flags) {
        static ssize_t (*real)(int, const struct msghdr *, int);

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
        return real(fd, message, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        struct iovec *parts = message->msg_iov, *last = &parts[message->msg_iovlen - 1], kept = *last;
        char body[BODY_MAX];
        ssize_t n;

        if (kept.iov_len == 0 || kept.iov_len > sizeof body || !is_wanted(fd, parts->iov_base, parts->iov_len))
                return real_sendmsg(fd, message, flags);
        memcpy(body, kept.iov_base, kept.iov_len);
        body[kept.iov_len - 1] ^= 1;
        last->iov_base = body;
        n = real_sendmsg(fd, message, flags);
        *last = kept;
        return n;
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
        struct iovec part = { .iov_base = (void *)data, .iov_len = size };
        const struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

        return sendmsg(fd, &message, flags);
}
