#include "act/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act/certificate.h"
#include "act/handover.h"
#include "act/notify.h"
#include "base/fd.h"
#include "base/log.h"

enum {
        OUTPUT_KEPT = 8192, /* bytes; what comes later counts, as the reason of a failure stands last */
        EXIT_CANNOT_EXECUTE = 126,
};

struct trial {
        pid_t pid; /* 0: collected */
        int output; /* the read end of a pipe */
        sd_event_source *io, *timer;
        uint64_t timeout_ms;
        bool late;
        char text[OUTPUT_KEPT + 1];
        size_t length;
        trial_done done;
        void *context;
};

/* ---- in the child ---- */

static void __attribute__((noreturn)) give_up(const char *what) {
        (void)fprintf(stderr, "%s\n", what);
        (void)fflush(stderr);
        _exit(EXIT_CANNOT_EXECUTE);
}

static char **arguments(char *const *argv) {
        size_t n = 0;
        char **copy;

        while (argv[n])
                n++;
        copy = calloc(n + 2, sizeof *copy);
        if (!copy)
                give_up("there is no memory for its arguments");
        copy[0] = argv[0];
        copy[1] = (char *)TRIAL_OPTION;
        for (size_t i = 1; i < n; i++)
                copy[i + 1] = argv[i];
        return copy;
}

static void __attribute__((noreturn))
run_child(const struct program *program, pid_t master_pid, int output, int handover_fd, int boot_fd) {
        int keep[] = { handover_fd, boot_fd }, null = fd_open_null(0);
        struct program with_option = *program;
        char number[16];
        sigset_t none;
        struct error e;

        (void)sigemptyset(&none);
        if (dup2(output, STDERR_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
            fcntl(handover_fd, F_SETFD, 0) < 0 || fcntl(boot_fd, F_SETFD, 0) < 0 || fd_close_others(keep, 2) < 0)
                give_up("its descriptors cannot be arranged");
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != master_pid)
                give_up("it cannot be tied to the master");
        (void)snprintf(number, sizeof number, "%d", handover_fd);
        notify_forget();
        if (setenv(HANDOVER_VARIABLE, number, 1) < 0 || signal(SIGPIPE, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                give_up("its environment cannot be arranged");
        with_option.argv = arguments(program->argv);
        (void)program_execute(&with_option, &e);
        give_up(e.text);
}

/* ---- the verdict ---- */

/* What it has written so far, the newest OUTPUT_KEPT bytes of it. */
static void read_output(struct trial *t) {
        enum { CHUNKS_PER_TURN = 16 }; /* as much as a pipe holds: one that never stops writing must not keep the master */
        char chunk[4096];
        ssize_t n = -1;

        for (int i = 0; i < CHUNKS_PER_TURN && (n = read(t->output, chunk, sizeof chunk)) > 0; i++) {
                size_t size = (size_t)n, over = t->length + size > OUTPUT_KEPT ? t->length + size - OUTPUT_KEPT : 0;

                memmove(t->text, t->text + over, t->length - over);
                t->length -= over;
                memcpy(t->text + t->length, chunk, size);
                t->length += size;
                t->text[t->length] = '\0';
        }
        if (n == 0) /* its end; what it means its death tells */
                t->io = sd_event_source_unref(t->io);
}

static int on_output(sd_event_source *source, int fd, uint32_t events, void *context) {
        (void)source;
        (void)fd;
        (void)events;
        read_output(context);
        return 0;
}

static const char error_mark[] = "restmarkd: error: ";

/* Without the prefix of our own messages. */
static char *without_prefix(char *line) {
        const size_t length = sizeof error_mark - 1;

        return strncmp(line, error_mark, length) == 0 ? line + length : line;
}

/* Cuts the end of blanks and line ends off, and returns the last line. */
static char *last_line(struct trial *t) {
        char *line;

        while (t->length > 0 && strchr(" \r\n", t->text[t->length - 1]))
                t->text[--t->length] = '\0';
        line = strrchr(t->text, '\n');
        return without_prefix(line ? line + 1 : t->text);
}

/* The first error of ours before `last`, which may be no more than its consequence; cut off there. "" if there is none. */
static const char *first_error(struct trial *t, const char *last) {
        char *found = strstr(t->text, error_mark), *end;

        if (!found || without_prefix(found) == last)
                return "";
        end = strchr(found, '\n');
        if (end)
                *end = '\0';
        return without_prefix(found);
}

static void __attribute__((format(printf, 3, 4))) refuse(struct trial *t, const char *line, const char *format, ...) {
        const char *first = first_error(t, line);
        char how[160], why[640];
        va_list list;

        va_start(list, format);
        (void)vsnprintf(how, sizeof how, format, list);
        va_end(list);
        if (*line)
                (void)snprintf(why, sizeof why, "the new restmarkd fails its self-test: %.200s%s%.200s (%s)", first, *first ? "; " : "", line, how);
        else
                (void)snprintf(why, sizeof why, "the new restmarkd fails its self-test: it %s", how);
        t->done(t->context, why, NULL);
}

static void judge(struct trial *t, const siginfo_t *info) {
        const size_t length = sizeof TRIAL_PASSED - 1;
        const char *line;

        read_output(t);
        line = last_line(t);
        if (t->late)
                refuse(t, line, "was not done within %.1f s", (double)t->timeout_ms / 1000);
        else if (info->si_code == CERTIFICATE_UNKNOWN)
                refuse(t, line, "is gone, and how it ended is not known");
        else if (info->si_code != CLD_EXITED)
                refuse(t, line, "was killed by signal %d, %s", info->si_status, strsignal(info->si_status));
        else if (info->si_status == EXIT_CANNOT_EXECUTE)
                refuse(t, line, "could not be executed");
        else if (info->si_status != 0)
                refuse(t, line, "exited with code %d", info->si_status);
        else if (strncmp(line, TRIAL_PASSED, length) != 0)
                refuse(t, "", "is no restmarkd: it does not say that it passes");
        else
                t->done(t->context, NULL, line + length);
}

void trial_collect(struct trial *t) {
        siginfo_t info = { .si_pid = 0 };

        if (!t || t->pid == 0)
                return;
        if (waitid(P_PID, (id_t)t->pid, &info, WEXITED | WNOHANG) < 0 && errno == ECHILD)
                info = (siginfo_t){ .si_code = CERTIFICATE_UNKNOWN, .si_pid = t->pid };
        if (info.si_pid == 0)
                return;
        t->pid = 0;
        judge(t, &info);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *context) {
        struct trial *t = context;

        (void)source;
        (void)usec;
        t->late = true;
        if (kill(t->pid, SIGKILL) < 0) /* its death ends the trial */
                log_message(LOG_WARNING, "cannot kill process %d: %m", (int)t->pid);
        return 0;
}

/* ---- its begin and end ---- */

static int start(struct trial *t, const struct program *program, int handover_fd, int boot_fd) {
        pid_t master_pid = getpid();
        int output[2];

        if (pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        t->output = output[0];
        (void)fflush(NULL);
        t->pid = fork();
        if (t->pid == 0)
                run_child(program, master_pid, output[1], handover_fd, boot_fd);
        (void)fd_close(output[1]);
        if (t->pid > 0)
                return 0;
        t->pid = 0;
        return -errno;
}

int trial_new(sd_event *event, const struct program *program, int handover_fd, int boot_fd, uint64_t timeout_ms, trial_done done,
              void *context, struct trial **ret, struct error *e) {
        struct trial *t = calloc(1, sizeof *t);
        int r;

        if (!t)
                return error_set_errno(e, ENOMEM, "cannot begin the self-test");
        t->output = -1;
        t->timeout_ms = timeout_ms;
        t->done = done;
        t->context = context;
        r = start(t, program, handover_fd, boot_fd);
        if (r >= 0)
                r = sd_event_add_io(event, &t->io, t->output, EPOLLIN, on_output, t);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &t->timer, CLOCK_MONOTONIC, timeout_ms * 1000, 1000, on_timeout, t);
        if (r < 0) {
                (void)trial_free(t);
                return error_set_errno(e, -r, "cannot begin the self-test");
        }
        *ret = t;
        return 0;
}

struct trial *trial_free(struct trial *t) {
        if (!t)
                return NULL;
        /* Not waited for: a debugger, or a disk that does not answer, may hold it back, and the daemon stops. */
        if (t->pid != 0 && kill(t->pid, SIGKILL) == 0)
                (void)waitpid(t->pid, NULL, WNOHANG);
        sd_event_source_unref(t->io);
        sd_event_source_unref(t->timer);
        (void)fd_close(t->output);
        free(t);
        return NULL;
}
