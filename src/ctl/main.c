/* restmarkctl: sends one command to a running restmarkd and prints the reply. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <restmark/version.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

enum {
        REPLY_MS = 5000, /* the master answers at once, whatever its workers do */
        EXIT_REFUSED = 1,
};

static const char usage[] =
        "Usage: restmarkctl [-s SOCKET] status [-j]\n"
        "       restmarkctl [-s SOCKET] reload | reopen\n"
        "\n"
        "Asks a running restmarkd through its control socket.\n"
        "\n"
        "  status               workers, routes, requests, errors\n"
        "  reload               read the configuration again and replace all workers;\n"
        "                       waits for the end and says what became of it\n"
        "  reopen               open the access log again, after its file was moved away\n"
        "\n"
        "  -s, --socket SOCKET  the control socket (default: $RESTMARK_CONTROL, else\n"
        "                       /run/restmark/control.sock, for others than root\n"
        "                       $XDG_RUNTIME_DIR/restmark/control.sock if that exists)\n"
        "  -j, --json           print JSON\n"
        "  -V, --version        print the version\n"
        "  -h, --help           print this\n"
        "\n"
        "Exit codes: 0 done, 1 the daemon refused, 64 usage, 69 no daemon answers.\n";

struct command {
        const char *name, *line, *json_line; /* json_line NULL: there is no JSON */
        unsigned int patience_ms;
};

static const struct command commands[] = {
        { "status", "status\n", "status json\n", REPLY_MS },
        { "reload", "reload\n", NULL, 0 },
        { "reopen", "reopen\n", NULL, REPLY_MS },
};

static const struct command *find_command(const char *name) {
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

static const char *default_socket(char *text, size_t size) {
        const char *from_environment = getenv("RESTMARK_CONTROL"), *runtime = getenv("XDG_RUNTIME_DIR");

        if (from_environment && *from_environment)
                return from_environment;
        if (geteuid() != 0 && runtime && *runtime == '/') {
                (void)snprintf(text, size, "%s/restmark/control.sock", runtime);
                if (access(text, F_OK) == 0)
                        return text;
        }
        return "/run/restmark/control.sock";
}

static int dial(const char *path, struct error *e) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const struct timeval patience = { .tv_sec = REPLY_MS / 1000 };
        int fd, errnum;

        if (strlen(path) >= sizeof address.sun_path)
                return error_set(e, -ENAMETOOLONG, "%s: a Unix socket's path can have %zu bytes", path, sizeof address.sun_path - 1);
        strncpy(address.sun_path, path, sizeof address.sun_path - 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(e, errno, "cannot make a socket");
        /* For connect(), which waits while the daemon's queue is full, and for send(). */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
                errnum = errno;
        else if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
                return fd;
        else
                errnum = errno;
        (void)fd_close(fd);
        if (errnum == ENOENT || errnum == ECONNREFUSED)
                return error_set(e, -errnum,
                                 "no restmarkd answers on %s: is it running, and is this its [admin] control? (-s says another)", path);
        if (errnum == EAGAIN)
                return error_set(e, -ETIMEDOUT, "%s: the daemon does not answer within %d s", path, REPLY_MS / 1000);
        return error_set_errno(e, errnum, "%s", path);
}

/* Reads to the end of the stream within `patience_ms`; 0: as long as it takes, as the daemon's own deadlines end it. */
static int read_reply(int fd, unsigned int patience_ms, FILE *to, struct error *e) {
        uint64_t deadline_ms = patience_ms ? clock_monotonic_ms() + patience_ms : UINT64_MAX;
        char chunk[4096];

        for (;;) {
                struct pollfd wait = { .fd = fd, .events = POLLIN };
                uint64_t now_ms = clock_monotonic_ms();
                ssize_t n;

                if (now_ms >= deadline_ms || poll(&wait, 1, patience_ms ? (int)(deadline_ms - now_ms) : -1) == 0)
                        return error_set(e, -ETIMEDOUT, "the daemon does not answer within %u s", patience_ms / 1000);
                n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
                if (n == 0)
                        return 0;
                if (n > 0)
                        (void)fwrite(chunk, 1, (size_t)n, to);
                else if (errno != EAGAIN && errno != EINTR)
                        return error_set_errno(e, errno, "cannot read the reply");
        }
}

static int ask(const char *path, const struct command *command, bool json, char **ret_reply, struct error *e) {
        const char *line = json ? command->json_line : command->line;
        size_t size;
        FILE *to;
        int fd = dial(path, e), r = 0;

        if (fd < 0)
                return fd;
        to = open_memstream(ret_reply, &size);
        if (!to)
                r = error_set_errno(e, errno, "cannot keep the reply");
        else {
                if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
                        r = error_set_errno(e, errno, "cannot send the command");
                else
                        r = read_reply(fd, command->patience_ms, to, e);
                if (fclose(to) != 0 && r == 0)
                        r = error_set_errno(e, errno, "cannot keep the reply");
        }
        (void)fd_close(fd);
        return r;
}

static int print_reply(const char *reply) {
        static const char ok[] = "ok\n";

        if (strncmp(reply, ok, sizeof ok - 1) == 0) {
                (void)fputs(reply + sizeof ok - 1, stdout);
                if (fflush(stdout) == 0 && !ferror(stdout))
                        return EX_OK;
                (void)fprintf(stderr, "restmarkctl: cannot write: %m\n");
                return EX_OSERR;
        }
        (void)fprintf(stderr, "restmarkctl: %s%s", *reply ? reply : "the daemon closed the connection without a reply",
                      *reply ? "" : "\n");
        return EXIT_REFUSED;
}

static int refuse(const char *why) {
        (void)fprintf(stderr, "restmarkctl: %s; try `restmarkctl --help'\n", why);
        return EX_USAGE;
}

int main(int argc, char **argv) {
        static const struct option options[] = { { "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
                                                 { "version", no_argument, NULL, 'V' },      { "help", no_argument, NULL, 'h' },
                                                 { NULL, 0, NULL, 0 } };
        char path_memory[4096], *reply = NULL;
        const struct command *command;
        const char *path = NULL;
        struct error e = { "" };
        bool json = false;
        int option, r;

        while ((option = getopt_long(argc, argv, "s:jVh", options, NULL)) != -1)
                switch (option) {
                case 's':
                        path = optarg;
                        break;
                case 'j':
                        json = true;
                        break;
                case 'V':
                        (void)puts("restmarkctl " RESTMARK_VERSION);
                        return EX_OK;
                case 'h':
                        (void)fputs(usage, stdout);
                        return EX_OK;
                default:
                        return refuse("that option is not known");
                }
        if (argc - optind != 1)
                return refuse(argc == optind ? "say a command" : "say one command only");
        command = find_command(argv[optind]);
        if (!command)
                return refuse("that command is not known; there are: status, reload, reopen");
        if (json && !command->json_line)
                return refuse("-j goes with status only");

        if (!path)
                path = default_socket(path_memory, sizeof path_memory);
        if (ask(path, command, json, &reply, &e) < 0) {
                (void)fprintf(stderr, "restmarkctl: %s\n", e.text);
                r = EX_UNAVAILABLE;
        } else
                r = print_reply(reply);
        free(reply);
        return r;
}
