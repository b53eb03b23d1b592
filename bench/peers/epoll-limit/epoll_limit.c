/*
 * The kernel's limit: one process per worker, each with its own SO_REUSEPORT listener and a bare epoll loop that
 * sends fixed replies. Per request: one recv(), one send(), a share of one epoll_wait(). The large body goes by
 * sendfile() from a file in memory, of a huge page if the kernel makes one: of send(), sendfile() from small pages, from
 * huge ones and from a file of the page cache, and MSG_ZEROCOPY, that costs least. With --copy it is copied.
 *
 *   epoll-limit --listen 127.0.0.1:8080 --workers 1 --body-file FILE [--copy]
 */
#define _GNU_SOURCE
#include "reply.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX_BYTES = 4096, EVENTS_PER_WAIT = 256, WORKERS_MAX = 1024, DRAIN_MS = 1000 };

struct conn {
        int fd;
        size_t received;           /* bytes in `request` not yet answered */
        const struct reply *reply; /* not yet sent whole; NULL between requests */
        size_t sent;
        char request[REQUEST_MAX_BYTES];
};

static struct reply welcome, json, bad_request, not_found, bad_method;
static size_t replies_begun; /* and not yet sent whole, because the socket's buffer was full */

/* The request holds \r\n\r\n, where every comparison below stops: no length is needed. */
static const struct reply *choose_reply(const char *request) {
        if (strncmp(request, "GET / ", 6) == 0)
                return &welcome;
        if (strncmp(request, "GET /transfer-data ", 19) == 0)
                return &json;
        const char *path = strpbrk(request, " \r\n");
        if (!path || *path != ' ')
                return &bad_request;
        size_t path_size = strcspn(++path, "? \r\n");
        bool known = (path_size == 1 && *path == '/') || (path_size == 14 && memcmp(path, "/transfer-data", 14) == 0);
        if (!known)
                return &not_found;
        return strncmp(request, "GET ", 4) == 0 ? &bad_request : &bad_method;
}

static void close_conn(struct conn *conn) {
        replies_begun -= conn->reply != NULL;
        close(conn->fd); /* also takes it out of the epoll set */
        free(conn);
}

/* The header with the promise of more, then the body from the file, or both at once. */
static ssize_t send_some(const struct conn *conn, const struct reply *reply) {
        size_t in_memory = reply->size - reply->file_size;
        if (conn->sent < in_memory)
                return send(conn->fd, reply->data + conn->sent, in_memory - conn->sent, MSG_NOSIGNAL | (reply->file_size ? MSG_MORE : 0));
        off_t at = (off_t)(conn->sent - in_memory);
        return sendfile(conn->fd, reply->file, &at, reply->size - conn->sent);
}

/* Returns true when the whole reply is out and conn goes on; otherwise conn waits for EPOLLOUT or is freed. */
static bool send_reply(struct conn *conn) {
        const struct reply *reply = conn->reply;
        while (conn->sent < reply->size) {
                ssize_t n = send_some(conn, reply);
                if (n < 0) {
                        if (errno != EAGAIN)
                                close_conn(conn);
                        return false;
                }
                conn->sent += (size_t)n;
        }
        conn->reply = NULL;
        replies_begun--;
        if (reply->close) {
                close_conn(conn);
                return false;
        }
        return true;
}

static bool begin_reply(struct conn *conn, const struct reply *reply) {
        conn->reply = reply;
        conn->sent = 0;
        replies_begun++;
        return send_reply(conn);
}

/* Answers the requests that arrived whole. Returns false when conn waits for EPOLLOUT or is freed. */
static bool answer_requests(struct conn *conn) {
        const char *end;
        while ((end = memmem(conn->request, conn->received, "\r\n\r\n", 4))) {
                const struct reply *reply = choose_reply(conn->request);
                size_t used = (size_t)(end + 4 - conn->request);
                conn->received -= used;
                if (conn->received)
                        memmove(conn->request, conn->request + used, conn->received);
                if (!begin_reply(conn, reply))
                        return false;
        }
        return conn->received < sizeof conn->request || begin_reply(conn, &bad_request);
}

static void serve(struct conn *conn, uint32_t events) {
        if (conn->reply && !send_reply(conn))
                return;
        while (answer_requests(conn)) {
                size_t room = sizeof conn->request - conn->received;
                ssize_t n = recv(conn->fd, conn->request + conn->received, room, 0);
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        close_conn(conn);
                        return;
                }
                conn->received += (size_t)n;
                /* A short read emptied the socket and later bytes make a new edge, so a recv() that only says
                 * EAGAIN is saved; but an end of stream that is already known makes no edge again. */
                if ((size_t)n < room && !(events & EPOLLRDHUP)) {
                        answer_requests(conn);
                        return;
                }
        }
}

static void accept_conn(int epoll_fd, int listener) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
                if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
                        return;
                err(EXIT_FAILURE, "accept (too many connections? raise ulimit -n)");
        }
        struct conn *conn = calloc(1, sizeof *conn);
        if (!conn)
                err(EXIT_FAILURE, "connection");
        conn->fd = fd;
        /* Edge-triggered with EPOLLOUT from the start: no epoll_ctl() is needed later. EPOLLOUT makes an edge only
         * after a send() found the socket's buffer full. */
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = conn};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                err(EXIT_FAILURE, "epoll_ctl");
}

static long now_ms(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Serves until SIGTERM or SIGINT, then sends what it has begun (DRAIN_MS at most). */
static void run_worker(int listener, const sigset_t *stop_signals) {
        static int listener_tag, signal_tag; /* addresses that no conn has */
        struct epoll_event events[EVENTS_PER_WAIT];
        int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        int signal_fd = signalfd(-1, stop_signals, SFD_CLOEXEC);
        struct epoll_event on_listener = {.events = EPOLLIN, .data.ptr = &listener_tag};
        struct epoll_event on_signal = {.events = EPOLLIN | EPOLLET, .data.ptr = &signal_tag};
        if (epoll_fd < 0 || signal_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &on_listener) < 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, signal_fd, &on_signal) < 0)
                err(EXIT_FAILURE, "epoll");
        long deadline_ms = -1;
        while (deadline_ms < 0 || (replies_begun && now_ms() < deadline_ms)) {
                int ready = epoll_wait(epoll_fd, events, EVENTS_PER_WAIT, deadline_ms < 0 ? -1 : DRAIN_MS);
                if (ready < 0 && errno != EINTR)
                        err(EXIT_FAILURE, "epoll_wait");
                for (int i = 0; i < ready; i++) {
                        if (events[i].data.ptr == &signal_tag) {
                                deadline_ms = now_ms() + DRAIN_MS;
                                close(listener);
                        } else if (events[i].data.ptr == &listener_tag) {
                                if (deadline_ms < 0)
                                        accept_conn(epoll_fd, listener);
                        } else {
                                serve(events[i].data.ptr, events[i].events);
                        }
                }
        }
}

struct listen_address {
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } socket;
        socklen_t size;
};

static int port_of(const struct listen_address *address) {
        return ntohs(address->socket.any.sa_family == AF_INET6 ? address->socket.v6.sin6_port : address->socket.v4.sin_port);
}

/* Opens one listener of the group. `address` gets the port that the kernel chose when it was 0. */
static int open_listener(struct listen_address *address, bool first) {
        int on = 1;
        int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
                err(EXIT_FAILURE, "socket");
        /* The first one binds alone, so that a port in use is an error even if its owner set SO_REUSEPORT, too. */
        if (!first && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
                err(EXIT_FAILURE, "SO_REUSEPORT");
        if (bind(fd, &address->socket.any, address->size) < 0)
                err(EXIT_FAILURE, "cannot listen on port %d; stop the program that uses it or name another port",
                    port_of(address));
        if (first && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
                err(EXIT_FAILURE, "SO_REUSEPORT");
        /* Accepted sockets inherit TCP_NODELAY. */
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 || listen(fd, SOMAXCONN) < 0 ||
            getsockname(fd, &address->socket.any, &address->size) < 0)
                err(EXIT_FAILURE, "listen");
        return fd;
}

/* Returns the exit status: 0 when a signal asked to stop, 1 when a worker died by itself. */
static int supervise(int workers, const int *listeners, const sigset_t *stop_signals) {
        sigset_t signals = *stop_signals;
        sigaddset(&signals, SIGCHLD);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        pid_t master = getpid(), pids[WORKERS_MAX];
        for (int i = 0; i < workers; i++) {
                if ((pids[i] = fork()) < 0)
                        err(EXIT_FAILURE, "fork"); /* the workers already there die with this process */
                if (pids[i] == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGTERM);
                        if (getppid() != master)
                                exit(EXIT_FAILURE);
                        for (int j = 0; j < workers; j++)
                                if (j != i)
                                        close(listeners[j]);
                        run_worker(listeners[i], stop_signals);
                        exit(EXIT_SUCCESS);
                }
                close(listeners[i]);
        }
        int signal_number = sigwaitinfo(&signals, NULL);
        if (signal_number == SIGCHLD)
                warnx("a worker died, stopping");
        for (int i = 0; i < workers; i++)
                kill(pids[i], SIGTERM);
        while (wait(NULL) > 0)
                continue;
        return signal_number == SIGCHLD ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void usage(void) {
        errx(64, "usage: epoll-limit --listen ADDRESS:PORT --workers 1..%d --body-file FILE [--copy]", WORKERS_MAX);
}

/* HOST:PORT, numbers only; an IPv6 host stands in brackets. Ends the program if it is anything else. */
static struct listen_address parse_address(char *text) {
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
        struct listen_address address = {0};
        char *host = text, *port = strrchr(text, ':');
        if (!port || port == text)
                usage();
        *port++ = '\0';
        if (host[0] == '[' && port[-2] == ']') {
                host++;
                port[-2] = '\0';
        }
        if (!*port || getaddrinfo(host, port, &hints, &found) != 0)
                usage();
        memcpy(&address.socket, found->ai_addr, found->ai_addrlen);
        address.size = found->ai_addrlen;
        freeaddrinfo(found);
        return address;
}

int main(int argc, char **argv) {
        static const struct option options[] = {
                {"listen", required_argument, NULL, 'l'},
                {"workers", required_argument, NULL, 'w'},
                {"body-file", required_argument, NULL, 'b'},
                {"copy", no_argument, NULL, 'c'},
                {0},
        };
        char *listen_on = NULL, *body_file = NULL;
        bool copy = false;
        int workers = 0, option, listeners[WORKERS_MAX];
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (option == 'l')
                        listen_on = optarg;
                else if (option == 'w')
                        workers = atoi(optarg);
                else if (option == 'b')
                        body_file = optarg;
                else if (option == 'c')
                        copy = true;
                else
                        usage();
        }
        if (!listen_on || !body_file || workers < 1 || workers > WORKERS_MAX || optind < argc)
                usage();
        struct listen_address address = parse_address(listen_on);
        struct rlimit files;
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                setrlimit(RLIMIT_NOFILE, &files);
        }
        welcome = make_reply("200 OK", "text/plain", "Welcome!\n", 9, false);
        json = make_json_reply(body_file, copy);
        signal(SIGPIPE, SIG_IGN); /* sendfile() knows no MSG_NOSIGNAL */
        /* Without a body, so that they answer HEAD, too. */
        bad_request = make_reply("400 Bad Request", "text/plain", "", 0, true);
        not_found = make_reply("404 Not Found", "text/plain", "", 0, false);
        bad_method = make_reply("405 Method Not Allowed", "text/plain", "", 0, true);
        for (int i = 0; i < workers; i++)
                listeners[i] = open_listener(&address, i == 0);
        fprintf(stderr, "epoll-limit: %d workers on port %d\n", workers, port_of(&address));
        sigset_t stop_signals;
        sigemptyset(&stop_signals);
        sigaddset(&stop_signals, SIGTERM);
        sigaddset(&stop_signals, SIGINT);
        return supervise(workers, listeners, &stop_signals);
}
