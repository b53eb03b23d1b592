#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_internal.h"
#include "admin/host.h"
#include "admin/metrics.h"
#include "admin/page.h"
#include "base/number.h"
#include "shared/status.h"

#define TEXT_PLAIN "text/plain; charset=utf-8"

/* What goes into an answer. */
struct reply {
        unsigned int status;
        const char *type;
        char *text; /* from open_memstream() */
        size_t length;
};

struct route {
        const char *path;
        /* Writes the body, and changes `type` and `status` of the reply where they are not the row's type and 200. */
        void (*write)(const struct admin_client *client, const struct served_request *request, struct reply *reply, FILE *to);
        const char *type;
        const struct page_file *file; /* instead of `write` */
};

/* ---- the routes ---- */

static const struct restmark_scoreboard *fresh_board(const struct admin_client *client) {
        const struct admin_view *view = &client->admin->view;

        view->refresh(view->context);
        return view->board;
}

/* OpenMetrics for those who ask for it, as Prometheus does. The others get the older text format, in which counters have other names
 * in their TYPE lines: taken for OpenMetrics' kin, each would lose the type of all counters. */
static void write_metrics(const struct admin_client *client, const struct served_request *request, struct reply *reply, FILE *to) {
        bool open_metrics = strstr(request->accept, "application/openmetrics-text");

        if (open_metrics)
                reply->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        metrics_write(fresh_board(client), open_metrics, to);
}

static void write_status(const struct admin_client *client, const struct served_request *request, struct reply *reply, FILE *to) {
        (void)request;
        (void)reply;
        status_write_json(fresh_board(client), to);
}

/* Of several the first counts. Returns 0, also if there is none, or a negative errno value. */
static int read_since(const struct served_request *request, uint64_t *ret) {
        const char *query = target_query(request->target);
        char memory[ADMIN_HEAD_MAX];
        struct target_argument argument;

        while (target_next_argument(&query, memory, &argument))
                if (argument.value && argument.name_length == 5 && memcmp(argument.name, "since", 5) == 0)
                        return number_parse(argument.value, argument.value_length, ret);
        return 0;
}

static void write_events(const struct admin_client *client, const struct served_request *request, struct reply *reply, FILE *to) {
        const struct admin_view *view = &client->admin->view;
        uint64_t since = 0;

        if (read_since(request, &since) < 0) {
                reply->status = MHD_HTTP_BAD_REQUEST;
                reply->type = TEXT_PLAIN;
                (void)fputs("since is not the number of an event\n", to);
        } else
                view->write_events(view->context, since, to);
}

static void write_health(const struct admin_client *client, const struct served_request *request, struct reply *reply, FILE *to) {
        bool stops = client->admin->view.board->stopping;

        (void)request;
        reply->status = stops ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
        (void)fputs(stops ? "stopping\n" : "ok\n", to);
}

static void write_readiness(const struct admin_client *client, const struct served_request *request, struct reply *reply, FILE *to) {
        const struct restmark_scoreboard *board = client->admin->view.board;
        uint32_t n_slots = board->n_slots, n_ready = 0;

        (void)request;
        for (uint32_t i = 0; i < n_slots; i++)
                n_ready += board->slots[i].slot.seats[board->slots[i].slot.primary].state == RESTMARK_SLOT_READY;
        if (board->stopping || n_ready == 0)
                reply->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        (void)fprintf(to, "%s%" PRIu32 " of %" PRIu32 " workers ready\n", board->stopping ? "stopping: " : "", n_ready, n_slots);
}

static const struct route routes[] = {
        { "/", NULL, "text/html; charset=utf-8", &page_html },
        { "/page.css", NULL, "text/css; charset=utf-8", &page_css },
        { "/page.js", NULL, "text/javascript; charset=utf-8", &page_js },
        { "/metrics", write_metrics, "text/plain; version=0.0.4; charset=utf-8", NULL },
        { "/status", write_status, "application/json", NULL },
        { "/events", write_events, "application/json", NULL },
        { "/healthz", write_health, TEXT_PLAIN, NULL },
        { "/readyz", write_readiness, TEXT_PLAIN, NULL },
};

/* ---- the answer ---- */

static bool add_headers(struct MHD_Response *response, const char *type) {
        static const char *const headers[][2] = {
                /* One request per connection: nothing has to tell the end of one from the begin of another. */
                { MHD_HTTP_HEADER_CONNECTION, "close" },
                { MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
                { "X-Content-Type-Options", "nosniff" },
                { "Referrer-Policy", "no-referrer" },
                { "Cross-Origin-Resource-Policy", "same-origin" },
                { "Content-Security-Policy",
                  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
                  "form-action 'none'; frame-ancestors 'none'" },
        };

        for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
                if (MHD_add_response_header(response, headers[i][0], headers[i][1]) == MHD_NO)
                        return false;
        return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES;
}

/* Returning MHD_NO makes the library close the connection, which is all that is left without memory. */
static enum MHD_Result queue(const struct admin_client *client, unsigned int status, const char *type, struct MHD_Response *response) {
        enum MHD_Result result = MHD_NO;

        if (!response)
                return MHD_NO;
        if (add_headers(response, type) &&
            (status != MHD_HTTP_METHOD_NOT_ALLOWED || MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
                result = MHD_queue_response(client->mhd, status, response);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result refuse(const struct admin_client *client, unsigned int status, const char *why) {
        return queue(client, status, TEXT_PLAIN, MHD_create_response_from_buffer(strlen(why), (void *)why, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_route(const struct admin_client *client, const struct route *route, const struct served_request *request) {
        struct reply reply = { .status = MHD_HTTP_OK, .type = route->type };
        struct MHD_Response *response;
        FILE *to;

        if (request->condition == GATE_IF_MATCH)
                return refuse(client, MHD_HTTP_PRECONDITION_FAILED, "Nothing here has an entity tag that If-Match could name.\n");
        if (route->file)
                return queue(client, request->condition == GATE_IF_NONE_MATCH ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, route->type,
                             MHD_create_response_from_buffer(route->file->length, (void *)route->file->bytes, MHD_RESPMEM_PERSISTENT));
        to = open_memstream(&reply.text, &reply.length);
        if (!to)
                return MHD_NO;
        route->write(client, request, &reply, to);
        if (fclose(to) != 0) {
                free(reply.text);
                return MHD_NO;
        }
        if (reply.status == MHD_HTTP_OK && request->condition == GATE_IF_NONE_MATCH)
                reply.status = MHD_HTTP_NOT_MODIFIED;
        response = MHD_create_response_from_buffer(reply.length, reply.text, MHD_RESPMEM_MUST_FREE);
        if (!response)
                free(reply.text);
        return queue(client, reply.status, reply.type, response);
}

enum MHD_Result admin_answer(struct admin_client *client, const char *method) {
        const struct served_request request = intake_request(&client->intake);

        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return refuse(client, MHD_HTTP_METHOD_NOT_ALLOWED, "The admin endpoint only shows: GET and HEAD.\n");
        if (request.host && !client->admin->any_host && !host_is_literal(request.host))
                return refuse(client, MHD_HTTP_FORBIDDEN,
                              "Ask by an IP address or by localhost: other names are refused, so that no web page can have its own name lead "
                              "here. [admin] allow-remote = yes allows them.\n");
        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
                if (strcmp(routes[i].path, client->path) == 0)
                        return answer_route(client, &routes[i], &request);
        return refuse(client, MHD_HTTP_NOT_FOUND,
                      "There is nothing here; there are /, /metrics, /status, /events, /healthz and /readyz.\n");
}
