/* For libraries that are preloaded into a restmarkd under test and change what it sends: all of it goes through the sendmsg() that each of
 * them defines. */
#ifndef RESTMARK_TESTS_PRELOADED_SEND_H
#define RESTMARK_TESTS_PRELOADED_SEND_H

#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { SPOILT_MAX = 4096 }; /* bytes of the last part of a message that can be spoilt */

static ssize_t real_sendmsg(int fd, const struct msghdr *message, int flags) {
        static ssize_t (*real)(int, const struct msghdr *, int);

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
        return real(fd, message, flags);
}

/* Sends the message with its last byte wrong; as it is, if its last part is empty or too large. */
static ssize_t send_spoilt(int fd, const struct msghdr *message, int flags) {
        struct iovec *last = &message->msg_iov[message->msg_iovlen - 1], kept = *last;
        char body[SPOILT_MAX];
        ssize_t n;

        if (kept.iov_len == 0 || kept.iov_len > sizeof body)
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

#endif
