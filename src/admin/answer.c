#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* What of the request's head matters here. */
struct head {
        const char *host, *accept;
        bool names_tag;  /* in a condition, and nothing here has one */
        bool wants_none; /* the answer only if there is nothing */
};

struct route {
        const char *path;
        /* Writes the body, and changes `type` and `status` of the reply where they are not the row's type and 200. */
        void (*write)(const struct admin_client *client, const struct head *head, struct reply *reply, FILE *to);
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
static void write_metrics(const struct admin_client *client, const struct head *head, struct reply *reply, FILE *to) {
        bool open_metrics = head->accept && strstr(head->accept, "application/openmetrics-text");

        if (open_metrics)
                reply->type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        metrics_write(fresh_board(client), open_metrics, to);
}

static void write_status(const struct admin_client *client, const struct head *head, struct reply *reply, FILE *to) {
        (void)head;
        (void)reply;
        status_write_json(fresh_board(client), to);
}

static void write_events(const struct admin_client *client, const struct head *head, struct reply *reply, FILE *to) {
        const struct admin_view *view = &client->admin->view;
        const char *text = MHD_lookup_connection_value(client->mhd, MHD_GET_ARGUMENT_KIND, "since");
        uint64_t since = 0;

        (void)head;
        if (text && number_parse(text, strlen(text), &since) < 0) {
                reply->status = MHD_HTTP_BAD_REQUEST;
                reply->type = TEXT_PLAIN;
                (void)fputs("since is not the number of an event\n", to);
        } else
                view->write_events(view->context, since, to);
}

static void write_health(const struct admin_client *client, const struct head *head, struct reply *reply, FILE *to) {
        bool stops = client->admin->view.board->stopping;

        (void)head;
        reply->status = stops ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
        (void)fputs(stops ? "stopping\n" : "ok\n", to);
}

static void write_readiness(const struct admin_client *client, const struct head *head, struct reply *reply, FILE *to) {
        const struct restmark_scoreboard *board = client->admin->view.board;
        uint32_t n_slots = board->n_slots, n_ready = 0;

        (void)head;
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

static enum MHD_Result answer_route(const struct admin_client *client, const struct route *route, const struct head *head) {
        struct reply reply = { .status = MHD_HTTP_OK, .type = route->type };
        struct MHD_Response *response;
        FILE *to;

        if (head->names_tag)
                return refuse(client, MHD_HTTP_PRECONDITION_FAILED, "Nothing here has an entity tag that If-Match could name.\n");
        if (route->file)
                return queue(client, head->wants_none ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, route->type,
                             MHD_create_response_from_buffer(route->file->length, (void *)route->file->bytes, MHD_RESPMEM_PERSISTENT));
        to = open_memstream(&reply.text, &reply.length);
        if (!to)
                return MHD_NO;
        route->write(client, head, &reply, to);
        if (fclose(to) != 0) {
                free(reply.text);
                return MHD_NO;
        }
        if (reply.status == MHD_HTTP_OK && head->wants_none)
                reply.status = MHD_HTTP_NOT_MODIFIED;
        response = MHD_create_response_from_buffer(reply.length, reply.text, MHD_RESPMEM_MUST_FREE);
        if (!response)
                free(reply.text);
        return queue(client, reply.status, reply.type, response);
}

static enum MHD_Result look_at_field(void *context, enum MHD_ValueKind kind, const char *key, const char *value) {
        struct head *head = context;

        (void)kind;
        if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0)
                head->host = value;
        else if (strcasecmp(key, MHD_HTTP_HEADER_ACCEPT) == 0)
                head->accept = value;
        else if (strcasecmp(key, MHD_HTTP_HEADER_IF_MATCH) == 0)
                head->names_tag = true;
        else if (strcasecmp(key, MHD_HTTP_HEADER_IF_NONE_MATCH) == 0)
                head->wants_none = true;
        return MHD_YES;
}

enum MHD_Result admin_answer(struct admin_client *client, const char *method) {
        struct head head = { 0 };

        (void)MHD_get_connection_values(client->mhd, MHD_HEADER_KIND, look_at_field, &head);
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return refuse(client, MHD_HTTP_METHOD_NOT_ALLOWED, "The admin endpoint only shows: GET and HEAD.\n");
        if (head.host && !client->admin->any_host && !host_is_literal(head.host))
                return refuse(client, MHD_HTTP_FORBIDDEN,
                              "Ask by an IP address or by localhost: other names are refused, so that no web page can have its own name lead "
                              "here. [admin] allow-remote = yes allows them.\n");
        for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
                if (strcmp(routes[i].path, client->path) == 0)
                        return answer_route(client, &routes[i], &head);
        return refuse(client, MHD_HTTP_NOT_FOUND,
                      "There is nothing here; there are /, /metrics, /status, /events, /healthz and /readyz.\n");
}
