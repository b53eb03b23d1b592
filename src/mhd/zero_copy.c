#include "mhd/zero_copy.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mhd/begun.h"

static struct zero_copy_file file; /* nothing: there is none */
static uint64_t n_sent;

void zero_copy_use(const struct zero_copy_file *use) {
        file = *use;
}

uint64_t zero_copy_bytes(void) {
        return n_sent;
}

static bool is_in_file(const void *bytes, size_t length) {
        uintptr_t at = (uintptr_t)bytes - (uintptr_t)file.bytes; /* huge, if it lies before it */

        return length > 0 && at < file.length && length <= file.length - at;
}

/* ---- those who define them next: the C library, or one that is preloaded ---- */

static ssize_t next_sendmsg(int fd, const struct msghdr *message, int flags) {
        static ssize_t (*next)(int, const struct msghdr *, int);
        static bool is_known;

        if (!is_known) {
                *(void **)&next = dlsym(RTLD_NEXT, "sendmsg");
                is_known = true;
        }
        return next ? next(fd, message, flags) : syscall(SYS_sendmsg, fd, message, flags);
}

static ssize_t next_send(int fd, const void *bytes, size_t length, int flags) {
        static ssize_t (*next)(int, const void *, size_t, int);
        static bool is_known;

        if (!is_known) {
                *(void **)&next = dlsym(RTLD_NEXT, "send");
                is_known = true;
        }
        return next ? next(fd, bytes, length, flags) : syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

/* ---- sending ---- */

/* As much as the socket takes: whoever is told of less waits for it to become writable. What a file cannot be sent to is sent a copy. */
static ssize_t send_from_file(int fd, const char *bytes, size_t length, int flags) {
        off_t at = bytes - file.bytes;
        size_t done = 0;

        while (done < length) {
                ssize_t n = sendfile(fd, file.fd, &at, length - done);

                if (n > 0)
                        done += (size_t)n;
                else if (n == 0) /* the file ends here, which it cannot */
                        errno = EIO;
                if (n == 0 || (n < 0 && errno != EINTR))
                        break;
        }
        n_sent += done;
        if (done == length || (done > 0 && errno == EAGAIN))
                return (ssize_t)done;
        if (done == 0 && errno == EAGAIN)
                return -1;
        ssize_t n = next_send(fd, bytes + done, length - done, flags);

        return n >= 0 ? (ssize_t)done + n : done > 0 ? (ssize_t)done : n;
}

/* The head with the promise of more, which therefore goes in one packet with the begin of the body. */
static ssize_t send_head_and_body(int fd, const struct iovec *head, const struct iovec *body, int flags) {
        ssize_t sent = next_send(fd, head->iov_base, head->iov_len, flags | MSG_MORE), n;

        if (sent < (ssize_t)head->iov_len)
                return sent;
        n = send_from_file(fd, body->iov_base, body->iov_len, flags);
        return n >= 0 ? sent + n : sent;
}

/* The rest of an answer that was begun. Whoever is told of less than all waits for the socket to become writable, which after EAGAIN it will. What is not that answer
 * would be cut where the other has ended: rather the connection ends. */
static ssize_t send_rest(int fd, const struct begun *begun, const struct iovec *head, const struct iovec *body, int flags) {
        size_t of_body = begun->sent - begun->head_length;
        ssize_t n;

        if (!head || head->iov_len != begun->head_length || body->iov_base != begun->body || body->iov_len != begun->body_length) {
                errno = EPIPE;
                return -1;
        }
        n = send(fd, begun->body + of_body, begun->body_length - of_body, flags);
        if (n < 0 && errno != EAGAIN)
                return -1;
        return (ssize_t)begun->sent + (n > 0 ? n : 0);
}

__attribute__((visibility("default"), used)) ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        const struct iovec *parts = message->msg_iov;
        bool has_two = message->msg_iovlen == 2 && !message->msg_control && !message->msg_name;
        struct begun begun;

        if (begun_take(fd, &begun))
                return send_rest(fd, &begun, has_two ? &parts[0] : NULL, &parts[1], flags);
        if (has_two && is_in_file(parts[1].iov_base, parts[1].iov_len))
                return send_head_and_body(fd, &parts[0], &parts[1], flags);
        return next_sendmsg(fd, message, flags);
}

__attribute__((visibility("default"), used)) ssize_t send(int fd, const void *bytes, size_t length, int flags) {
        struct begun begun;

        if (begun_take(fd, &begun))
                return send_rest(fd, &begun, NULL, NULL, flags);
        return is_in_file(bytes, length) ? send_from_file(fd, bytes, length, flags) : next_send(fd, bytes, length, flags);
}
