/* Any messages, with any number of descriptors, as what the other end of a link sends. The input is messages: a byte whose low three bits are their length, the
 * next two the number of descriptors, and the highest whether credentials come along; then the message. What must hold: no crash, an end for each, at most
 * one descriptor of each, none left open, and the first byte comes through. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "shared/link.h"

enum { MESSAGE_MAX = 7, PASSED_MAX = 3, MESSAGES_MAX = 64 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        return 0;
}

static void send_any(int fd, const uint8_t *bytes, size_t length, size_t n_passed, int with_credentials) {
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(PASSED_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        } passed = { .bytes = { 0 } };
        struct iovec data = { (void *)(uintptr_t)bytes, length };
        struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = passed.bytes };
        struct cmsghdr *control = &passed.align;
        const struct ucred self = { .pid = getpid(), .uid = geteuid(), .gid = getegid() };
        const int fds[PASSED_MAX] = { 0, 1, 2 };

        if (with_credentials) {
                *control = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof self), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
                memcpy(CMSG_DATA(control), &self, sizeof self);
                header.msg_controllen = CMSG_SPACE(sizeof self);
                control = (struct cmsghdr *)(void *)(passed.bytes + header.msg_controllen);
        }
        if (n_passed > 0) {
                *control = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n_passed * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(control), fds, n_passed * sizeof(int));
                header.msg_controllen += CMSG_SPACE(n_passed * sizeof(int));
        }
        REQUIRE(sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length, "cannot send");
}

static void receive(int fd, const uint8_t *bytes, size_t length, size_t n_passed) {
        enum link_message message;
        int passed = -1, r = link_receive(fd, &message, &passed);

        REQUIRE(r == 1 || r == 0 || r < 0, "%d messages", r);
        REQUIRE(r == 1 || passed == -1, "a descriptor without a message");
        if (r == 1) {
                REQUIRE((uint8_t)message == bytes[0], "message %d of %zu bytes is another one", (int)message, length);
                REQUIRE(passed == -1 || n_passed > 0, "a descriptor that nobody has passed");
                (void)(passed >= 0 && close(passed));
        } else
                REQUIRE(r == 0 ? length == 0 : r != -EAGAIN, "a message is not there: %d", r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        int fds[2], before = fuzz_free_descriptor();

        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "cannot make a link");
        for (unsigned int i = 0; i < MESSAGES_MAX && length > 0; i++) {
                size_t n = *bytes & MESSAGE_MAX, n_passed = *bytes >> 3 & PASSED_MAX;
                int with_credentials = *bytes & 0x80;

                bytes++;
                n = n < --length ? n : length;
                send_any(fds[0], bytes, n, n_passed, with_credentials);
                receive(fds[1], bytes, n, n_passed);
                bytes += n;
                length -= n;
        }
        (void)close(fds[0]);
        (void)close(fds[1]);
        REQUIRE(fuzz_free_descriptor() == before, "descriptors are left open");
        return 0;
}
