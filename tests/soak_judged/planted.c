/* Preloaded into a restmarkd under test: once in a while it does, as $RESTMARK_PLANTED says, what a soak has to find:
 * drop    ends a connection instead of answering     wrong   changes the last byte of an answer
 * leak    opens a descriptor and forgets it          grow    allocates a MiB and forgets it
 * die     a worker ends by abort()                   shrink  a worker tells the master to have one less */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preloaded_send.h"

enum { EVERY_ANSWER = 150, EVERY_CONNECTION = 8, SHRINK_AT = 100, GROWTH_BYTES = 1 << 20 };

static bool is_planted(const char *what) {
        const char *planted = getenv("RESTMARK_PLANTED");

        return planted && strcmp(planted, what) == 0;
}

/* Whether it is the turn of this answer; the canary's, on a Unix socket, are never touched. */
static bool is_due(int fd, const void *data, size_t size) {
        static const char start[] = "HTTP/1.1 200";
        static unsigned int answers;
        int domain = 0;
        socklen_t length = sizeof domain;

        return size >= sizeof start - 1 && memcmp(data, start, sizeof start - 1) == 0 &&
               getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_INET && ++answers % EVERY_ANSWER == 0;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        const struct iovec *first = message->msg_iov;

        if (!is_due(fd, first->iov_base, first->iov_len))
                return real_sendmsg(fd, message, flags);
        if (is_planted("die"))
                abort();
        if (is_planted("drop")) {
                (void)shutdown(fd, SHUT_RDWR);
                errno = ECONNRESET;
                return -1;
        }
        return is_planted("wrong") ? send_spoilt(fd, message, flags) : real_sendmsg(fd, message, flags);
}

int accept4(int fd, struct sockaddr *peer, socklen_t *size, int flags) {
        static int (*real)(int, struct sockaddr *, socklen_t *, int);
        static unsigned int connections;
        void *forgotten;
        int client;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "accept4");
        client = real(fd, peer, size, flags);
        if (client < 0)
                return client;
        connections++;
        if (is_planted("leak") && connections % EVERY_CONNECTION == 0)
                (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (is_planted("grow") && connections % EVERY_CONNECTION == 0 && (forgotten = malloc(GROWTH_BYTES)))
                memset(forgotten, 1, GROWTH_BYTES);
        /* Not in the master, which accepts too, and whose parent is the soak: it leads a session. */
        if (is_planted("shrink") && connections == SHRINK_AT && getsid(0) != getpid())
                (void)kill(getppid(), SIGTTOU);
        return client;
}
