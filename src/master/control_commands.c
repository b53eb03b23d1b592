#include "master/control_commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "act/reopen.h"
#include "base/log.h"
#include "base/quote.h"
#include "master/house.h"
#include "shared/status.h"

/* The master reads its own account of the workers, never the workers: it can answer when all of them are stuck. */
static int run_status(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)ticket;
        (void)e;
        if (a->json) {
                house_sample(h);
                status_write_json(h->options->board, to);
        } else {
                house_look(h, FLEET_NEEDS_ALL);
                status_write_table(h->options->board, to);
        }
        return 0;
}

static int run_workers(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)ticket;
        (void)e;
        if (a->json) {
                house_sample(h);
                status_write_workers_json(h->options->board, to);
        } else {
                house_look(h, FLEET_NEEDS_ALL);
                status_write_workers_table(h->options->board, to);
        }
        return 0;
}

static int run_memory(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)ticket;
        (void)e;
        house_sample(h);
        (a->json ? status_write_memory_json : status_write_memory_table)(h->options->board, to);
        return 0;
}

static int run_reload(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)a;
        (void)to;
        (void)e;
        *ticket = (struct control_ticket){ CONTROL_TOPIC_RELOAD, house_command(h, TOPIC_RELOAD, &(struct happening){ .kind = HAPPENING_RELOAD }) };
        return 0;
}

static int run_reopen(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        char text[512];
        int r = reopen_logs(&h->act, text, sizeof text, e);

        (void)a;
        (void)ticket;
        if (r == 0)
                (void)fprintf(to, "%s\n", text);
        return r;
}

static int run_upgrade(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)a;
        (void)to;
        (void)e;
        *ticket = (struct control_ticket){ CONTROL_TOPIC_UPGRADE, house_command(h, TOPIC_UPGRADE, &(struct happening){ .kind = HAPPENING_UPGRADE }) };
        return 0;
}

static int run_scale(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)to;
        (void)e;
        *ticket = (struct control_ticket){ CONTROL_TOPIC_SCALE, house_command(h, TOPIC_SCALE, &(struct happening){ .kind = HAPPENING_SCALE, .number = a->number }) };
        return 0;
}

static int run_events(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        uint64_t since = a->has_number ? a->number : 0;

        (void)ticket;
        (void)e;
        if (a->json)
                events_write_json(h->act.events, since, to);
        else
                events_write_text(h->act.events, since, to);
        return 0;
}

static int run_drain(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        const struct happening command = { .kind = HAPPENING_DRAIN, .slot = (unsigned int)a->number };

        (void)to;
        (void)e;
        *ticket = (struct control_ticket){ CONTROL_TOPIC_DRAIN, house_command(h, TOPIC_DRAIN, &command) };
        return 0;
}

static int run_stop(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)to;
        (void)e;
        *ticket = (struct control_ticket){ CONTROL_TOPIC_STOP,
                                           house_command(h, TOPIC_STOP, &(struct happening){ .kind = HAPPENING_STOP, .at_once = a->now }) };
        return 0;
}

static int run_help(struct house *h, const struct control_arguments *a, FILE *to, struct control_ticket *ticket, struct error *e) {
        (void)h;
        (void)a;
        (void)ticket;
        (void)e;
        for (const struct control_command *c = control_command_table; c->name; c++)
                (void)fprintf(to, "%s%s%s: %s\n", c->name, c->syntax.text ? " " : "", c->syntax.text ? c->syntax.text : "", c->help);
        return 0;
}

const struct control_command control_command_table[] = {
        { .name = "status", .syntax = { .text = "[json]" }, .help = "workers, routes, requests, errors", .run = run_status },
        { .name = "workers", .syntax = { .text = "[json]" }, .help = "what each worker is and does", .run = run_workers },
        { .name = "memory", .syntax = { .text = "[json]" }, .help = "RSS, PSS and USS of each process", .run = run_memory },
        { .name = "reload",
          .help = "read the configuration again and replace all workers; answers at the end",
          .changes = true,
          .run = run_reload },
        { .name = "reopen",
          .help = "open the access log again, after its file was moved away",
          .changes = true,
          .while_stopping = true,
          .run = run_reopen },
        { .name = "upgrade",
          .help = "execute the program at the path of the start in this process, and replace all workers; answers at the end",
          .changes = true,
          .run = run_upgrade },
        { .name = "scale",
          .syntax = { .text = "N", .min = 1, .max = RESTMARK_SLOTS_MAX },
          .help = "have N workers; answers when they are ready, or those that are too many have finished",
          .changes = true,
          .run = run_scale },
        { .name = "events",
          .syntax = { .text = "[json] [since N]", .max = UINT64_MAX },
          .help = "what has happened, the newest last; those after event number N",
          .run = run_events },
        { .name = "drain",
          .syntax = { .text = "SLOT", .min = 0, .max = RESTMARK_SLOTS_MAX - 1 },
          .help = "replace the slot's worker by a new one; answers when the old one has finished",
          .changes = true,
          .run = run_drain },
        { .name = "stop",
          .syntax = { .text = "[now]" },
          .help = "stop when all that is accepted is answered, or now; answers at the end",
          .changes = true,
          .while_stopping = true,
          .run = run_stop },
        { .name = "help", .help = "print these lines", .run = run_help },
        { .name = NULL },
};

static int refuse_unknown(const char *line, struct error *e) {
        char names[256], quoted[QUOTE_MAX];
        size_t length = 0;

        for (const struct control_command *c = control_command_table; c->name && length < sizeof names; c++)
                length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", length ? ", " : "", c->name);
        return error_set(e, -EINVAL, "unknown command \"%s\"; there are: %s", quote_bytes(quoted, line, strlen(line)), names);
}

static int refuse_stranger(const struct control_command *c, const struct control_peer *peer, struct error *e) {
        log_message(LOG_WARNING, "control socket: \"%s\" from process %d, uid %u is refused: that user may only ask", c->name, (int)peer->pid,
                    (unsigned int)peer->uid);
        return error_set(e, -EPERM, "%s is not permitted to you (uid %u): it takes root, the user of the daemon's master (uid %u), or a member of "
                                    "[admin] control-group",
                         c->name, (unsigned int)peer->uid, (unsigned int)geteuid());
}

int control_run(void *context, const char *line, const struct control_peer *peer, FILE *to, struct control_ticket *ticket, struct error *e) {
        struct house *h = context;
        const struct control_command *c = control_command_table;
        struct control_arguments arguments;
        const char *rest = NULL;
        int r;

        while (c->name && !(rest = control_match(line, c->name)))
                c++;
        if (!c->name)
                return refuse_unknown(line, e);
        r = control_parse(c->name, &c->syntax, rest, &arguments, e);
        if (r < 0 || !c->changes)
                return r < 0 ? r : c->run(h, &arguments, to, ticket, e);
        if (!peer->may_change)
                return refuse_stranger(c, peer, e);
        if (h->plans->fleet.stopping && !c->while_stopping)
                return error_set(e, -ESHUTDOWN, "the daemon stops");
        log_message(LOG_NOTICE, "control socket: \"%s\" from process %d, uid %u", line, (int)peer->pid, (unsigned int)peer->uid);
        return c->run(h, &arguments, to, ticket, e);
}
