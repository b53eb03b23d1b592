#include "ctl/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/client.h"

enum { GONE_MS = 5000 }; /* so long the daemon may be away, as it is for a moment when it is restarted */

static uint64_t number_of(const json_object *object, const char *name) {
        json_object *value = NULL;

        return json_object_object_get_ex(object, name, &value) ? json_object_get_uint64(value) : 0;
}

static const char *text_of(const json_object *object, const char *name) {
        json_object *value = NULL;

        return json_object_object_get_ex(object, name, &value) && value ? json_object_get_string(value) : "-";
}

/* As the daemon writes its text. */
static void print_text(const json_object *event) {
        uint64_t unix_ms = number_of(event, "unix_ms");
        time_t seconds = (time_t)(unix_ms / 1000);
        char stamp[32];
        struct tm tm;

        (void)strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
        (void)printf("%s.%03u  %-14s %3s  %s\n", stamp, (unsigned int)(unix_ms % 1000), text_of(event, "kind"), text_of(event, "slot"),
                     text_of(event, "text"));
}

/* What has been printed: up to event number `last` of the list that began then. A restarted or upgraded daemon begins another. */
struct place {
        uint64_t began_unix_ms, last;
};

/* Prints what came after the place and moves that on. Returns 0; 1 when it is another list, of which the daemon is to be asked from the
 * beginning; or negative with a sentence. */
static int print_new(const struct client_reply *reply, bool json, struct place *place, struct error *e) {
        json_object *root = json_tokener_parse(reply->text), *events = NULL;
        struct place now = { .began_unix_ms = number_of(root, "began_unix_ms"), .last = number_of(root, "last") };

        if (!json_object_object_get_ex(root, "events", &events) || !json_object_is_type(events, json_type_array)) {
                (void)json_object_put(root);
                return error_set(e, -EBADMSG, "the daemon's events are not what this restmarkctl knows: is it another version?");
        }
        if (place->last > 0 && now.began_unix_ms != place->began_unix_ms) {
                *place = (struct place){ 0 };
                (void)json_object_put(root);
                return 1;
        }
        for (size_t i = 0; i < json_object_array_length(events); i++) {
                json_object *event = json_object_array_get_idx(events, i);

                if (json)
                        (void)puts(json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
                else
                        print_text(event);
        }
        *place = now;
        (void)json_object_put(root);
        return 0;
}

static int look(const char *socket, const struct options *o, struct place *place, struct error *e) {
        struct client_reply reply;
        char line[OPTIONS_LINE_MAX];
        int r;

        (void)snprintf(line, sizeof line, "events json since %" PRIu64 "\n", place->last);
        r = client_ask(socket, line, o->timeout_ms, NULL, &reply, e);
        if (r < 0)
                return r;
        if (!reply.ok)
                r = error_set(e, -EPROTO, "%s", *reply.text ? reply.text : "the daemon closed the connection without a reply");
        else
                r = print_new(&reply, o->json, place, e);
        client_reply_free(&reply);
        return r == 1 ? look(socket, o, place, e) : r;
}

int follow_run(const char *socket, const struct options *o) {
        const struct timespec delay = { .tv_sec = (time_t)(o->delay_ms / 1000), .tv_nsec = (long)(o->delay_ms % 1000) * 1000000 };
        struct place place = { 0 };
        uint64_t seen_ms = 0;
        struct error e;

        for (;;) {
                if (look(socket, o, &place, &e) == 0)
                        seen_ms = clock_monotonic_ms();
                else if (seen_ms == 0 || clock_monotonic_ms() - seen_ms >= GONE_MS) {
                        (void)fprintf(stderr, "restmarkctl: %s\n", e.text);
                        return EX_UNAVAILABLE;
                }
                if (fflush(stdout) != 0) {
                        (void)fprintf(stderr, "restmarkctl: cannot write: %m\n");
                        return EX_OSERR;
                }
                (void)nanosleep(&delay, NULL);
        }
}
