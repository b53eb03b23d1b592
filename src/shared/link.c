#include "shared/link.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"

/* Room for one descriptor, and for a second one, as it is padded: the kernel closes what does not fit. */
union passed {
        alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
};

int link_send(int link, enum link_message message, int passed_fd) {
        char byte = (char)message;
        struct iovec data = { &byte, 1 };
        struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };
        union passed passed = { .bytes = { 0 } };

        if (passed_fd >= 0) {
                struct cmsghdr *control = (struct cmsghdr *)(void *)passed.bytes;

                header.msg_control = passed.bytes;
                header.msg_controllen = sizeof passed.bytes;
                *control = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(control), &passed_fd, sizeof passed_fd);
        }
        return sendmsg(link, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}

/* The descriptors that came with a message: the only one into *ret_fd; none of several is kept. Returns how many came. */
static size_t take_descriptors(struct msghdr *header, int *ret_fd) {
        size_t n = 0;

        *ret_fd = -1;
        for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
                const size_t bytes = control->cmsg_len - CMSG_LEN(0);

                if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t at = 0; at + sizeof *ret_fd <= bytes; at += sizeof *ret_fd, n++) {
                        (void)fd_close(*ret_fd);
                        memcpy(ret_fd, CMSG_DATA(control) + at, sizeof *ret_fd);
                }
        }
        if (n > 1)
                *ret_fd = fd_close(*ret_fd);
        return n;
}

static bool is_message(char byte) {
        switch ((enum link_message)byte) {
        case LINK_READY:
        case LINK_ACCEPT:
        case LINK_RETIRE:
        case LINK_REOPEN:
        case LINK_CONNECTION:
        case LINK_CALLER:
        case LINK_STOP:
        case LINK_DONE:
        case LINK_LEAVE:
                return true;
        default:
                return false;
        }
}

int link_receive(int link, enum link_message *ret, int *ret_fd) {
        char byte;
        struct iovec data = { &byte, 1 };
        union passed passed;
        struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = passed.bytes, .msg_controllen = sizeof passed.bytes };
        ssize_t n = recvmsg(link, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        size_t n_descriptors;

        *ret_fd = -1;
        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        n_descriptors = take_descriptors(&header, ret_fd);
        if (n == 1 && n_descriptors <= 1 && (header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0 && is_message(byte)) {
                *ret = (enum link_message)byte;
                return 1;
        }
        *ret_fd = fd_close(*ret_fd);
        if (n == 0)
                return 0;
        return (header.msg_flags & MSG_CTRUNC) != 0 && n_descriptors == 0 ? -EMFILE : -EPROTO;
}
