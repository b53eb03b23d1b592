/* restmarkctl: asks and tells a running restmarkd. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <restmark/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ctl/client.h"
#include "ctl/follow.h"
#include "ctl/options.h"
#include "ctl/top.h"

enum { EXIT_REFUSED = 1 };

static int complain(int exit_code, const char *text) {
        (void)fprintf(stderr, "restmarkctl: %s\n", text);
        return exit_code;
}

static int flush(int exit_code) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return exit_code;
        (void)fprintf(stderr, "restmarkctl: cannot write: %m\n");
        return EX_OSERR;
}

/* {"ok":…,"text":…} for commands whose reply is a text. */
static int print_wrapped(bool ok, const char *text) {
        json_object *object = json_object_new_object(), *words = json_object_new_string(text);
        const char *json;

        if (!object || !words || json_object_object_add(object, "ok", json_object_new_boolean(ok)) < 0 ||
            json_object_object_add(object, "text", words) < 0 ||
            !(json = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)))
                return complain(EX_OSERR, "no memory for the reply");
        (void)puts(json);
        (void)json_object_put(object);
        return flush(ok ? EX_OK : EXIT_REFUSED);
}

static int print_reply(const struct options *o, struct client_reply *reply) {
        size_t length = strlen(reply->text);

        if (o->wrap_json || (o->json && !reply->ok)) {
                if (length > 0 && reply->text[length - 1] == '\n')
                        reply->text[length - 1] = '\0';
                return print_wrapped(reply->ok, *reply->text || reply->ok ? reply->text : "the daemon closed the connection without a reply");
        }
        if (reply->ok) {
                (void)fputs(reply->text, stdout);
                return flush(EX_OK);
        }
        if (!*reply->text)
                return complain(EXIT_REFUSED, "the daemon closed the connection without a reply");
        (void)fprintf(stderr, "restmarkctl: error: %s", reply->text);
        return EXIT_REFUSED;
}

/* A daemon that has stopped answers a moment before it is gone. Returns 0, or -ETIMEDOUT. */
static int await_end(int master, uint64_t deadline_ms) {
        struct pollfd wait = { .fd = master, .events = POLLIN };
        uint64_t now_ms = clock_monotonic_ms();

        if (master < 0)
                return 0;
        while (deadline_ms == 0 || now_ms < deadline_ms) {
                if (poll(&wait, 1, deadline_ms ? (int)(deadline_ms - now_ms) : -1) == 1)
                        return 0;
                now_ms = clock_monotonic_ms();
        }
        return -ETIMEDOUT;
}

static int ask(const char *socket, const struct options *o) {
        uint64_t deadline_ms = o->timeout_ms ? clock_monotonic_ms() + o->timeout_ms : 0;
        struct client_reply reply;
        struct error e;
        int master = -1, r = client_ask(socket, o->line, o->timeout_ms, o->task == OPTIONS_STOP ? &master : NULL, &reply, &e);

        if (r == 0 && reply.ok && o->task == OPTIONS_STOP && await_end(master, deadline_ms) < 0) {
                r = error_set(&e, -ETIMEDOUT, "the daemon has stopped, but its process is still there");
                client_reply_free(&reply);
        }
        (void)fd_close(master);
        if (r == -ETIMEDOUT && o->takes_time)
                return complain(EX_TEMPFAIL, e.text);
        if (r < 0)
                return complain(EX_UNAVAILABLE, e.text);
        r = print_reply(o, &reply);
        client_reply_free(&reply);
        return r;
}

int main(int argc, char **argv) {
        char path_memory[4096];
        const char *socket;
        struct options o;
        struct error e;

        if (options_parse(argc, argv, &o, &e) < 0) {
                (void)fprintf(stderr, "restmarkctl: %s; try `restmarkctl --help'\n", e.text);
                return EX_USAGE;
        }
        socket = o.socket ? o.socket : client_default_socket(path_memory, sizeof path_memory);
        switch (o.task) {
        case OPTIONS_HELP:
                (void)fputs(options_usage, stdout);
                return flush(EX_OK);
        case OPTIONS_VERSION:
                (void)puts("restmarkctl " RESTMARK_VERSION);
                return flush(EX_OK);
        case OPTIONS_TOP:
                return top_run(socket, &o);
        case OPTIONS_FOLLOW:
                return follow_run(socket, &o);
        default:
                return ask(socket, &o);
        }
}
