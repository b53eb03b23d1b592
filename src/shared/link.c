#include "shared/link.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Room for exactly one descriptor: the kernel closes what does not fit. */
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

int link_receive(int link, enum link_message *ret, int *ret_fd) {
        char byte;
        struct iovec data = { &byte, 1 };
        union passed passed;
        struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = passed.bytes, .msg_controllen = sizeof passed.bytes };
        ssize_t n = recvmsg(link, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        const struct cmsghdr *control;

        if (n <= 0)
                return n == 0 ? 0 : errno == EINTR ? -EAGAIN : -errno;
        if ((header.msg_flags & MSG_CTRUNC) != 0)
                return -EMFILE;
        control = CMSG_FIRSTHDR(&header);
        *ret_fd = -1;
        if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
                memcpy(ret_fd, CMSG_DATA(control), sizeof *ret_fd);
        *ret = (enum link_message)byte;
        return 1;
}
