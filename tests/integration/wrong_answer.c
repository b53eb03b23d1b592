/* Preloaded into a restmarkd under test: while the file that RESTMARK_WRONG_ANSWER names exists, the last byte of each answer on a Unix
 * stream socket, which is the canary's private connection, is a wrong one. Everything else is as it would be. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preloaded_send.h"

static bool is_wanted(int fd, const void *data, size_t size) {
        const char *flag = getenv("RESTMARK_WRONG_ANSWER");
        static const char start[] = "HTTP/1.1 200";
        int domain = 0;
        socklen_t length = sizeof domain;

        return size >= sizeof start - 1 && memcmp(data, start, sizeof start - 1) == 0 && flag && access(flag, F_OK) == 0 &&
               getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        const struct iovec *first = message->msg_iov;

        return is_wanted(fd, first->iov_base, first->iov_len) ? send_spoilt(fd, message, flags) : real_sendmsg(fd, message, flags);
}
