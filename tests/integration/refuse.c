/* Has system calls refused, as by the seccomp profile of a container, and becomes a program.
 *
 * Usage: refuse NAME[:ARGUMENT2:ARGUMENT3]=ERRNO PROGRAM ARGUMENTS…
 *        refuse --list: the names that it knows */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
        const char *name;
        unsigned int number;
} calls[] = {
#define CALL(name) { #name, SYS_##name },
#ifdef SYS_access /* and others that newer architectures do not have */
        CALL(access) CALL(arch_prctl) CALL(chmod) CALL(dup2) CALL(epoll_wait) CALL(mkdir) CALL(pipe) CALL(poll) CALL(readlink) CALL(rename) CALL(unlink)
#endif
        CALL(accept4) CALL(bind) CALL(brk) CALL(clone) CALL(clone3) CALL(close) CALL(close_range) CALL(connect) CALL(dup) CALL(dup3)
        CALL(epoll_create1) CALL(epoll_ctl) CALL(epoll_pwait) CALL(epoll_pwait2) CALL(eventfd2) CALL(execveat) CALL(exit_group) CALL(faccessat2)
        CALL(fchmodat) CALL(fchownat) CALL(fcntl) CALL(fstat) CALL(ftruncate) CALL(futex) CALL(getcwd) CALL(getdents64) CALL(getegid) CALL(geteuid)
        CALL(getgid) CALL(getpid) CALL(getppid) CALL(getrandom) CALL(getsockname) CALL(getsockopt) CALL(getuid) CALL(ioctl) CALL(kill) CALL(listen)
        CALL(lseek) CALL(madvise) CALL(memfd_create) CALL(mkdirat) CALL(mmap) CALL(mprotect) CALL(mremap) CALL(munmap) CALL(newfstatat) CALL(openat)
        CALL(pidfd_open) CALL(pipe2) CALL(ppoll) CALL(prctl) CALL(pread64) CALL(prlimit64) CALL(pwritev2) CALL(read) CALL(readlinkat) CALL(recvfrom)
        CALL(recvmsg) CALL(rseq) CALL(rt_sigaction) CALL(rt_sigprocmask) CALL(rt_sigreturn) CALL(sched_getaffinity) CALL(sendfile) CALL(sendmsg)
        CALL(sendto)
        CALL(set_robust_list) CALL(set_tid_address) CALL(setsockopt) CALL(shutdown) CALL(signalfd4) CALL(socket) CALL(socketpair) CALL(statfs)
        CALL(statx) CALL(sysinfo) CALL(timerfd_create) CALL(timerfd_settime) CALL(umask) CALL(uname) CALL(unlinkat) CALL(wait4) CALL(waitid) CALL(write)
        CALL(writev)
};

enum { TESTS_MAX = 3 };

static void die(const char *why) {
        (void)fprintf(stderr, "refuse: %s\n", why);
        exit(2);
}

static unsigned int find(const char *name) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (strcmp(calls[i].name, name) == 0)
                        return calls[i].number;
        die("no such system call is known here");
        return 0;
}

/* From "NAME:2:3=ERRNO": where in struct seccomp_data to look, and what has to be there. Returns how many of them. */
static unsigned short parse(char *rule, unsigned int at[TESTS_MAX], unsigned int wanted[TESTS_MAX], unsigned int *ret_errno) {
        char *equals = strchr(rule, '='), *rest = rule, *part;
        unsigned short n = 0;

        if (!equals)
                die("write NAME[:ARGUMENT2:ARGUMENT3]=ERRNO");
        *equals = '\0';
        *ret_errno = (unsigned int)strtoul(equals + 1, NULL, 10);
        for (; n < TESTS_MAX && (part = strsep(&rest, ":")); n++) {
                at[n] = n == 0 ? (unsigned int)offsetof(struct seccomp_data, nr) : (unsigned int)offsetof(struct seccomp_data, args[n]);
                wanted[n] = n == 0 ? find(part) : (unsigned int)strtoul(part, NULL, 10);
        }
        return n;
}

static void filter(char *rule) {
        unsigned int at[TESTS_MAX], wanted[TESTS_MAX], number;
        unsigned short n = parse(rule, at, wanted, &number), length = 0;
        struct sock_filter code[2 * TESTS_MAX + 2];
        const struct sock_fprog program = { .len = (unsigned short)(2 * n + 2), .filter = code };

        for (unsigned short i = 0; i < n; i++) {
                code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at[i]);
                code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wanted[i], 0, (unsigned char)(2 * (n - i) - 1));
        }
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                die(strerror(errno));
}

int main(int argc, char **argv) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
                for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                        (void)puts(calls[i].name);
                return 0;
        }
        if (argc < 3)
                die("usage: refuse NAME[:ARGUMENT2:ARGUMENT3]=ERRNO PROGRAM ARGUMENTS...");
        filter(argv[1]);
        (void)execv(argv[2], argv + 2);
        die(strerror(errno));
}
