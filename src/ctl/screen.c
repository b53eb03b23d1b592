#include "ctl/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"

struct screen {
        struct termios before;
        sigset_t mask_before;
        bool alternate; /* the alternate screen is shown */
        int signals;
        char keys[64]; /* read, not yet looked at */
        size_t n_keys;
};

/* Whatever becomes of it, there is nothing that could be done; a terminal that is gone is seen by poll(). */
static void put(const char *bytes, size_t length) {
        while (length > 0) {
                ssize_t n = write(STDOUT_FILENO, bytes, length);

                if (n < 0 && errno != EINTR)
                        return;
                if (n > 0) {
                        bytes += n;
                        length -= (size_t)n;
                }
        }
}

static void put_text(const char *text) {
        put(text, strlen(text));
}

/* Also when the terminal is ours already: after a SIGSTOP a shell has set it as it likes. */
static void enter(struct screen *screen) {
        struct termios raw = screen->before;

        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* signals of the keyboard stay */
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
        if (!screen->alternate)
                put_text("\x1b[?1049h"); /* which keeps what was on the ordinary one */
        screen->alternate = true;
        put_text("\x1b[?25l\x1b[2J"); /* no cursor */
}

static void leave(struct screen *screen) {
        put_text("\x1b[0m\x1b[?25h\x1b[?1049l");
        screen->alternate = false;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before);
}

int screen_check(struct error *e) {
        if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
                return 0;
        return error_set(e, -ENOTTY, "top draws on a terminal, and standard input or output is none: use -b, with -n 1 for a single table");
}

int screen_open(struct screen **ret, struct error *e) {
        static const int handled[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };
        struct screen *screen;
        sigset_t set;

        screen = calloc(1, sizeof *screen);
        if (!screen)
                return error_set_errno(e, ENOMEM, "cannot take the terminal");
        (void)sigemptyset(&set);
        for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
                (void)sigaddset(&set, handled[i]);
        screen->signals = -1;
        if (tcgetattr(STDIN_FILENO, &screen->before) < 0 || sigprocmask(SIG_BLOCK, &set, &screen->mask_before) < 0 ||
            (screen->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
                int errnum = errno;

                free(screen);
                return error_set_errno(e, errnum, "cannot take the terminal");
        }
        enter(screen);
        *ret = screen;
        return 0;
}

struct screen *screen_close(struct screen *screen) {
        if (!screen)
                return NULL;
        leave(screen);
        (void)fd_close(screen->signals);
        (void)sigprocmask(SIG_SETMASK, &screen->mask_before, NULL);
        free(screen);
        return NULL;
}

void screen_size(const struct screen *screen, unsigned int *width, unsigned int *height) {
        struct winsize size = { 0 };

        (void)screen;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
                size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
        *width = size.ws_col;
        *height = size.ws_row;
}

/* In one piece, each line cleared behind its end, so that nothing flickers. */
void screen_show(const struct screen *screen, const char *picture, size_t length) {
        char *all = NULL;
        size_t size;
        FILE *to = open_memstream(&all, &size);

        (void)screen;
        if (!to)
                return; /* the next picture may have more luck */
        (void)fputs("\x1b[H", to);
        for (size_t i = 0; i < length; i++) {
                if (picture[i] == '\n')
                        (void)fputs("\x1b[K", to);
                (void)fputc(picture[i], to);
        }
        (void)fputs("\x1b[K\x1b[J", to);
        if (fclose(to) == 0)
                put(all, size);
        free(all);
}

/* SIGSTOP, as SIGTSTP is blocked. */
static void suspend(struct screen *screen) {
        leave(screen);
        (void)raise(SIGSTOP);
        enter(screen);
}

/* Returns SCREEN_TIMEOUT when the signal is of no concern. */
static enum screen_event take_signal(struct screen *screen, int *ret_key) {
        struct signalfd_siginfo info;

        if (read(screen->signals, &info, sizeof info) != sizeof info)
                return SCREEN_TIMEOUT;
        switch (info.ssi_signo) {
        case SIGINT:
                return SCREEN_QUIT;
        case SIGTSTP:
                suspend(screen);
                return SCREEN_RESIZE;
        case SIGCONT: /* it may be after a SIGSTOP from elsewhere */
                enter(screen);
                return SCREEN_RESIZE;
        case SIGWINCH:
                return SCREEN_RESIZE;
        default:
                *ret_key = (int)info.ssi_signo;
                return SCREEN_KILLED;
        }
}

static void drop_keys(struct screen *screen, size_t n) {
        memmove(screen->keys, screen->keys + n, screen->n_keys - n);
        screen->n_keys -= n;
}

/* The keys that terminals send as several bytes. A lone Escape is Escape. */
static int take_key(struct screen *screen) {
        static const struct {
                const char *bytes;
                int key;
        } sequences[] = {
                { "\x1b[A", SCREEN_KEY_UP },    { "\x1b[B", SCREEN_KEY_DOWN },     { "\x1b[C", SCREEN_KEY_RIGHT },
                { "\x1b[D", SCREEN_KEY_LEFT },  { "\x1bOA", SCREEN_KEY_UP },       { "\x1bOB", SCREEN_KEY_DOWN },
                { "\x1bOC", SCREEN_KEY_RIGHT }, { "\x1bOD", SCREEN_KEY_LEFT },     { "\x1b[5~", SCREEN_KEY_PAGE_UP },
                { "\x1b[6~", SCREEN_KEY_PAGE_DOWN },
        };
        int key = (unsigned char)screen->keys[0];

        for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
                size_t length = strlen(sequences[i].bytes);

                if (screen->n_keys >= length && memcmp(screen->keys, sequences[i].bytes, length) == 0) {
                        drop_keys(screen, length);
                        return sequences[i].key;
                }
        }
        drop_keys(screen, key == 0x1b ? screen->n_keys : 1); /* the rest of an unknown sequence is no keys */
        return key;
}

enum screen_event screen_wait(struct screen *screen, uint64_t timeout_ms, int *ret_key) {
        struct pollfd wait[] = { { .fd = screen->signals, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
        ssize_t n;

        if (screen->n_keys == 0) {
                if (poll(wait, 2, (int)timeout_ms) <= 0)
                        return SCREEN_TIMEOUT;
                if (wait[0].revents)
                        return take_signal(screen, ret_key);
                n = read(STDIN_FILENO, screen->keys, sizeof screen->keys);
                if (n <= 0) { /* hung up */
                        *ret_key = SIGHUP;
                        return n < 0 && errno == EINTR ? SCREEN_TIMEOUT : SCREEN_KILLED;
                }
                screen->n_keys = (size_t)n;
        }
        *ret_key = take_key(screen);
        return SCREEN_KEY;
}
