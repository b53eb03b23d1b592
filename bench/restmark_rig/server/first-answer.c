/*
 * How long a server takes from being executed to its first right answer.
 *
 *   first-answer PORT SECONDS OUT CLIENT_CPUS SERVER_CPUS PROGRAM [ARGUMENT]...
 *
 * Starts the program on SERVER_CPUS (a list such as 2,3; - for anywhere) and asks 127.0.0.1:PORT for / on CLIENT_CPUS, again and again until the
 * answer has status 200 and the body "Welcome!\n". Then writes the nanoseconds to OUT and ends the program by SIGTERM. Exits with 1, and a sentence on
 * standard error, if no such answer comes within SECONDS or the program ends before. What the program forks is left to who started this one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_NS = 50 * 1000, ANSWER_MAX = 4096, END_MS = 10000 };

static const char question[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char status[] = "HTTP/1.1 200 ", body[] = "\r\n\r\nWelcome!\n";

static uint64_t now_ns(void) {
        struct timespec t;

        if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
                err(1, "clock_gettime");
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void rest(void) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

/* "2,3", or "-" for what this process may use. */
static cpu_set_t cpus_of(const char *list) {
        cpu_set_t set;

        CPU_ZERO(&set);
        if (strcmp(list, "-") == 0) {
                if (sched_getaffinity(0, sizeof set, &set) < 0)
                        err(1, "sched_getaffinity");
                return set;
        }
        for (const char *at = list; *at; at += *at == ',') {
                char *end;
                unsigned long cpu = strtoul(at, &end, 10);

                if (end == at || (*end && *end != ',') || cpu >= CPU_SETSIZE)
                        errx(1, "%s is no list of CPUs", list);
                CPU_SET(cpu, &set);
                at = end;
                if (!*at)
                        break;
        }
        return set;
}

/* Until it is executed the two share their memory: nothing but system calls in between. */
static pid_t start(const cpu_set_t *cpus, char **argv) {
        pid_t pid = vfork();

        if (pid < 0)
                err(1, "vfork");
        if (pid == 0) {
                if (sched_setaffinity(0, sizeof *cpus, cpus) == 0)
                        (void)execvp(argv[0], argv);
                _exit(127);
        }
        return pid;
}

/* One question. Returns whether it was answered rightly. */
static bool answered(const struct sockaddr_in *address, uint64_t deadline_ns) {
        char answer[ANSWER_MAX + 1];
        size_t n = 0;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool right = false;

        if (fd < 0)
                err(1, "socket");
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 && send(fd, question, sizeof question - 1, MSG_NOSIGNAL) > 0) {
                struct pollfd p = { .fd = fd, .events = POLLIN };

                while (n < ANSWER_MAX && !right) {
                        uint64_t now = now_ns();
                        ssize_t got;

                        if (now >= deadline_ns || poll(&p, 1, (int)((deadline_ns - now) / 1000000)) <= 0)
                                break;
                        got = recv(fd, answer + n, ANSWER_MAX - n, 0);
                        if (got <= 0)
                                break;
                        n += (size_t)got;
                        answer[n] = '\0';
                        right = strncmp(answer, status, sizeof status - 1) == 0 && strstr(answer, body);
                }
        }
        (void)close(fd);
        return right;
}

static void end(pid_t pid) {
        uint64_t deadline_ns = now_ns() + (uint64_t)END_MS * 1000000u;

        (void)kill(pid, SIGTERM);
        while (waitpid(pid, NULL, WNOHANG) == 0) {
                if (now_ns() >= deadline_ns) {
                        (void)kill(pid, SIGKILL);
                        (void)waitpid(pid, NULL, 0);
                        return;
                }
                rest();
        }
}

int main(int argc, char **argv) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        cpu_set_t client, server;
        uint64_t begin_ns, deadline_ns;
        FILE *out;
        pid_t pid;

        if (argc < 7)
                errx(1, "usage: first-answer PORT SECONDS OUT CLIENT_CPUS SERVER_CPUS PROGRAM [ARGUMENT]...");
        address.sin_port = htons((uint16_t)atoi(argv[1]));
        client = cpus_of(argv[4]);
        server = cpus_of(argv[5]);
        if (sched_setaffinity(0, sizeof client, &client) < 0)
                err(1, "sched_setaffinity");
        if (!(out = fopen(argv[3], "we")))
                err(1, "%s", argv[3]);
        begin_ns = now_ns();
        deadline_ns = begin_ns + (uint64_t)atoi(argv[2]) * 1000000000u;
        pid = start(&server, argv + 6);
        while (!answered(&address, deadline_ns)) {
                if (waitpid(pid, NULL, WNOHANG) == pid)
                        errx(1, "%s ended before it answered", argv[6]);
                if (now_ns() >= deadline_ns) {
                        end(pid);
                        errx(1, "%s did not answer in %s s", argv[6], argv[2]);
                }
                rest();
        }
        if (fprintf(out, "%llu\n", (unsigned long long)(now_ns() - begin_ns)) < 0 || fclose(out) != 0)
                err(1, "%s", argv[3]);
        end(pid);
        return 0;
}
