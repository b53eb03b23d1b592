#include "mhd/zero_copy.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
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

/* Like send(), but for EINTR. */
static ssize_t send_on(int fd, const char *bytes, size_t length, int flags) {
        ssize_t n;

        do
                n = send(fd, bytes, length, flags);
        while (n < 0 && errno == EINTR);
        return n;
}

/* The head's rest, if all of it is taken. What was left of it is kept on, if not. */
static bool send_head_rest(int fd, struct begun *begun, int flags) {
        ssize_t n = begun->head_left > 0 ? send_on(fd, begun->head, begun->head_left, flags | MSG_MORE) : 0;

        if (n < 0)
                return false;
        begun->head_left -= (size_t)n;
        memmove(begun->head, begun->head + n, begun->head_left);
        if (begun->head_left > 0)
                errno = EAGAIN;
        return begun->head_left == 0;
}

/* The rest of an answer that was begun, for the library's, whose head then is not needed. Whoever is told of less than all waits for the socket to become writable, which after EAGAIN it will. What
 * has another body would be cut where the other has ended: rather the connection ends. */
static ssize_t send_rest(int fd, struct begun *begun, const struct iovec *head, const struct iovec *body, int flags) {
        ssize_t n;

        if (!head || body->iov_base != begun->body || body->iov_len != begun->body_length) {
                errno = EPIPE;
                return -1;
        }
        if (!send_head_rest(fd, begun, flags)) {
                if (errno == EAGAIN)
                        begun_add(begun); /* the library will come with the same again */
                return -1;
        }
        n = send_on(fd, begun->body + begun->body_sent, begun->body_length - begun->body_sent, flags);
        if (n < 0 && errno != EAGAIN)
                return -1;
        return (ssize_t)(head->iov_len + begun->body_sent) + (n > 0 ? n : 0);
}

/* Whether there was something to go on with; out of line, for the memory that it takes of the stack. */
static __attribute__((noinline)) bool send_begun(int fd, const struct iovec *head, const struct iovec *body, int flags, ssize_t *ret) {
        struct begun begun;

        if (!begun_take(fd, &begun))
                return false;
        *ret = send_rest(fd, &begun, head, body, flags);
        return true;
}

__attribute__((visibility("default"), used)) ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        const struct iovec *parts = message->msg_iov;
        bool has_two = message->msg_iovlen == 2 && !message->msg_control && !message->msg_name;
        ssize_t n;

        if (begun_exists() && send_begun(fd, has_two ? &parts[0] : NULL, &parts[1], flags, &n))
                return n;
        if (has_two && is_in_file(parts[1].iov_base, parts[1].iov_len))
                return send_head_and_body(fd, &parts[0], &parts[1], flags);
        return next_sendmsg(fd, message, flags);
}

__attribute__((visibility("default"), used)) ssize_t send(int fd, const void *bytes, size_t length, int flags) {
        ssize_t n;

        if (begun_exists() && send_begun(fd, NULL, NULL, flags, &n))
                return n;
        return is_in_file(bytes, length) ? send_from_file(fd, bytes, length, flags) : next_send(fd, bytes, length, flags);
}
