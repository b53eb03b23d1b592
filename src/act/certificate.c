#include "act/certificate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "shared/heritage.h"
#include "shared/status.h"

static const char *const paths[RESTMARK_ROUTE_COUNT] = {
        [RESTMARK_ROUTE_WELCOME] = "/",
        [RESTMARK_ROUTE_PARSE_MSGPACK] = "/parse-msgpack",
        [RESTMARK_ROUTE_ENCODE_JSON] = "/encode-json",
        [RESTMARK_ROUTE_TRANSFER_DATA] = "/transfer-data",
        [RESTMARK_ROUTE_MILLION_LOOP] = "/million-loop",
        [RESTMARK_ROUTE_VALIDATE] = "/validate",
        [RESTMARK_ROUTE_WAIT] = "/wait",
        [RESTMARK_ROUTE_RECORD] = "/record/{id}",
        [RESTMARK_ROUTE_SIBLING] = "/NAME/{id}",
        [RESTMARK_ROUTE_DB_RECORD] = "/db/record",
        [RESTMARK_ROUTE_DB_RECORDS] = "/db/records",
        [RESTMARK_ROUTE_DB_SEARCH] = "/db/search",
        [RESTMARK_ROUTE_DB_UPDATE] = "/db/update",
        [RESTMARK_ROUTE_CACHE_RECORDS] = "/cache/records",
        [RESTMARK_ROUTE_CACHE_JSON] = "/cache/json",
        [RESTMARK_ROUTE_OTHER] = "another path",
};

const char *certificate_path(enum restmark_route route) {
        return route < RESTMARK_ROUTE_COUNT ? paths[route] : "?";
}

static const char *code_name(int code) {
        switch (code) {
        case 0:
                return ", as it should";
        case HERITAGE_EXIT_FATAL_DATA:
                return " (dataset)";
        case HERITAGE_EXIT_FATAL_CONFIG:
                return " (configuration)";
        case HERITAGE_EXIT_SYSTEM:
                return " (system)";
        default:
                return "";
        }
}

const char *certificate_end(int code, int status, char *text, size_t size) {
        const char *name = sigabbrev_np(status);

        if (code == CERTIFICATE_UNKNOWN)
                (void)snprintf(text, size, "is gone, and how it ended is not known (somebody else has collected it)");
        else if (code == CLD_EXITED)
                (void)snprintf(text, size, "exited with code %d%s", status, code_name(status));
        else
                (void)snprintf(text, size, "was killed by signal %d (SIG%s, %s)%s", status, name ? name : "?", strsignal(status),
                               code == CLD_DUMPED ? ", core dumped" : "");
        return text;
}

struct sentence {
        char *text;
        size_t length, size;
};

static void __attribute__((format(printf, 2, 3))) append(struct sentence *s, const char *format, ...) {
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vsnprintf(s->text + s->length, s->size - s->length, format, arguments);
        va_end(arguments);
        if (n > 0)
                s->length += (size_t)n;
        if (s->length >= s->size)
                s->length = s->size - 1; /* cut */
}

/* Who has sent a SIGKILL. */
static const char *killer(const struct certificate *c) {
        if (c->killed_by_us)
                return c->cause == RESTMARK_CAUSE_HARAKIRI || c->cause == RESTMARK_CAUSE_WEDGED ? "" : ", its mercy or its time being over";
        switch (c->oom) {
        case OOM_KILL:
                return ", by the kernel for want of memory (the control group's oom_kill has grown)";
        case OOM_NONE:
                return ", not by the kernel for want of memory (the control group's oom_kill has not grown)";
        case OOM_UNKNOWN:
                break;
        }
        return ", not by the master (whether for want of memory cannot be seen: no memory.events)";
}

static void append_core(struct sentence *s, const struct certificate *c) {
        const char *pattern = c->core_pattern && *c->core_pattern ? c->core_pattern : "core";

        if (*pattern != '|')
                append(s, "; the core is where core_pattern says: %.*s", (int)strcspn(pattern, "\n"), pattern);
        else if (strstr(pattern, "systemd-coredump"))
                append(s, "; see `coredumpctl info %d`", (int)c->pid);
        else
                append(s, "; the core went to %.*s", (int)strcspn(pattern + 1, " \n"), pattern + 1);
}

const char *certificate_write(const struct certificate *c, char *text, size_t size) {
        struct sentence s = { .text = text, .size = size };
        char end[128], query[SCOREBOARD_QUERY_MAX];

        append(&s, "%s after %.1f s and %llu requests", certificate_end(c->code, c->status, end, sizeof end), (double)c->age_ms / 1000,
               (unsigned long long)c->requests);
        if (c->code != CLD_EXITED && c->status == SIGKILL)
                append(&s, "%s", killer(c));
        append(&s, "; cause: %s", status_cause_name(c->cause));
        if (c->working)
                append(&s, "; in work: %s%s for %.3f s", certificate_path(c->work.route), scoreboard_format_query(&c->work, query),
                       (double)c->work_ms / 1000);
        if (c->connections > 0)
                append(&s, "; %llu connection%s reset", (unsigned long long)c->connections, c->connections == 1 ? "" : "s");
        if (c->peak_rss_bytes > 0)
                append(&s, "; peak RSS %.1f MiB", (double)c->peak_rss_bytes / (1 << 20));
        if (c->rss_bytes > 0)
                append(&s, "; RSS %.1f MiB, PSS %.1f MiB %.0f s before", (double)c->rss_bytes / (1 << 20), (double)c->pss_bytes / (1 << 20),
                       (double)c->sampled_ago_ms / 1000);
        if (c->code == CLD_DUMPED)
                append_core(&s, c);
        return text;
}
