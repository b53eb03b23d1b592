#include "ctl/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

const char options_usage[] =
        "Usage: restmarkctl [OPTION]... COMMAND [ARGUMENT]\n"
        "\n"
        "Asks and tells a running restmarkd through its control socket.\n"
        "\n"
        "  status                 workers, routes, requests, errors\n"
        "  workers                what each worker is and does\n"
        "  memory                 RSS, PSS and USS of each process\n"
        "  events [-f]            what has happened; -f goes on as it happens\n"
        "  top                    workers and their rates, full screen; h for help\n"
        "  reload                 read the configuration again and replace all workers\n"
        "  upgrade                run the installed binary in place of the running one\n"
        "  scale N                run N workers\n"
        "  drain SLOT             replace the slot's worker by a new one\n"
        "  stop [--now]           stop when all that is accepted is answered, or now\n"
        "  reopen                 open the log files again\n"
        "\n"
        "reload, upgrade, scale, drain and stop wait for the end and say what became of\n"
        "it; Ctrl-C ends the waiting, not what it waits for.\n"
        "\n"
        "  -s, --socket SOCKET    the control socket (default: $RESTMARK_CONTROL, else\n"
        "                         /run/restmark/control.sock, for others than root\n"
        "                         $XDG_RUNTIME_DIR/restmark/control.sock if that exists)\n"
        "  -j, --json             print JSON\n"
        "  -t, --timeout SECONDS  wait at most this long for the reply (default: 5, and\n"
        "                         for commands that wait for an end, as long as it takes)\n"
        "  -f, --follow           events: go on\n"
        "      --now              stop: at once\n"
        "  -b, --batch            top: plain text, one table after another\n"
        "  -n, --count N          top: end after N tables or screens\n"
        "  -d, --delay SECONDS    top, events -f: between two looks (default: 1)\n"
        "  -V, --version          print the version\n"
        "  -h, --help             print this\n"
        "\n"
        "Exit codes: 0 done, 1 the daemon refused or failed, 64 usage, 69 no daemon\n"
        "answers, 75 it was not done in time (and goes on). See restmarkctl(1).\n";

enum { LONG_NOW = 256 };

struct command {
        const char *name;
        enum options_task task;
        bool has_json;        /* the daemon answers in JSON if it is asked to */
        bool takes_time;      /* the reply comes at the end */
        const char *argument; /* NULL: none */
        uint64_t min, max;    /* of the argument */
};

static const struct command commands[] = {
        { .name = "status", .has_json = true },
        { .name = "workers", .has_json = true },
        { .name = "memory", .has_json = true },
        { .name = "events", .has_json = true },
        { .name = "top", .task = OPTIONS_TOP, .has_json = true },
        { .name = "reload", .takes_time = true },
        { .name = "upgrade", .takes_time = true },
        { .name = "scale", .takes_time = true, .argument = "N", .min = 1, .max = 256 },
        { .name = "drain", .takes_time = true, .argument = "SLOT", .max = 255 },
        { .name = "stop", .task = OPTIONS_STOP, .takes_time = true },
        { .name = "reopen" },
};

/* What options were given, before it is known whether they go with the command. */
struct given {
        bool follow, now, batch, count, delay, timeout;
};

static const struct command *find_command(const char *name) {
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

static int refuse_command(const char *name, struct error *e) {
        char names[256];
        size_t length = 0;

        for (size_t i = 0; i < sizeof commands / sizeof *commands && length < sizeof names; i++)
                length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", commands[i].name);
        return error_set(e, -EINVAL, "\"%s\" is no command; there are: %s", name, names);
}

/* Seconds with up to three decimals. */
static int parse_seconds(const char *option, const char *text, uint64_t max_s, uint64_t *ret_ms, struct error *e) {
        size_t whole = strcspn(text, "."), decimals = text[whole] ? strlen(text + whole + 1) : 0;
        uint64_t s = 0, part = 0;

        if ((whole > 0 && number_parse(text, whole, &s) < 0) || whole + decimals == 0 || decimals > 3 ||
            (decimals > 0 && number_parse(text + whole + 1, decimals, &part) < 0) || s > max_s)
                return error_set(e, -EINVAL, "%s takes seconds, such as 2 or 0.5, up to %llu, and not \"%s\"", option,
                                 (unsigned long long)max_s, text);
        for (size_t i = decimals; i < 3; i++)
                part *= 10;
        if (s * 1000 + part == 0)
                return error_set(e, -EINVAL, "%s takes more than 0 seconds", option);
        *ret_ms = s * 1000 + part;
        return 0;
}

static int take_option(int option, const char *value, struct options *o, struct given *given, struct error *e) {
        switch (option) {
        case 's':
                o->socket = value;
                return 0;
        case 'j':
                o->json = true;
                return 0;
        case 'f':
                given->follow = true;
                return 0;
        case LONG_NOW:
                given->now = true;
                return 0;
        case 'b':
                o->batch = given->batch = true;
                return 0;
        case 't':
                given->timeout = true;
                return parse_seconds("--timeout", value, 86400, &o->timeout_ms, e);
        case 'd':
                given->delay = true;
                return parse_seconds("--delay", value, 3600, &o->delay_ms, e);
        case 'n':
                given->count = true;
                if (number_parse(value, strlen(value), &o->samples) < 0 || o->samples == 0 || o->samples > 1000000000)
                        return error_set(e, -EINVAL, "--count takes a number from 1 to 1000000000, and not \"%s\"", value);
                return 0;
        case 'V':
                o->task = OPTIONS_VERSION;
                return 0;
        case 'h':
                o->task = OPTIONS_HELP;
                return 0;
        default:
                return error_set(e, -EINVAL, "that option is not known, or lacks its value");
        }
}

static int check_given(const struct command *c, const struct given *given, struct error *e) {
        bool top = c->task == OPTIONS_TOP, events = strcmp(c->name, "events") == 0;

        if (given->follow && !events)
                return error_set(e, -EINVAL, "--follow goes with events only");
        if (given->now && c->task != OPTIONS_STOP)
                return error_set(e, -EINVAL, "--now goes with stop only");
        if ((given->batch || given->count) && !top)
                return error_set(e, -EINVAL, "--batch and --count go with top only");
        if (given->timeout && top)
                return error_set(e, -EINVAL, "--timeout does not go with top, which ends by itself when the daemon is gone");
        if (given->delay && !top && !given->follow)
                return error_set(e, -EINVAL, "--delay goes with top and events -f only");
        return 0;
}

/* What is sent: "status json", "scale 4". */
static int make_line(const struct command *c, const char *argument, const struct given *given, struct options *o, struct error *e) {
        uint64_t number = 0;

        if (c->argument && !argument)
                return error_set(e, -EINVAL, "say %s %s", c->name, c->argument);
        if (c->argument && (number_parse(argument, strlen(argument), &number) < 0 || number < c->min || number > c->max))
                return error_set(e, -EINVAL, "%s takes a whole number from %llu to %llu, and not \"%s\"", c->name, (unsigned long long)c->min,
                                 (unsigned long long)c->max, argument);
        if (c->argument)
                (void)snprintf(o->line, sizeof o->line, "%s %llu\n", c->name, (unsigned long long)number);
        else
                (void)snprintf(o->line, sizeof o->line, "%s%s\n", c->name, o->json && c->has_json ? " json" : given->now ? " now" : "");
        return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct error *e) {
        static const struct option long_options[] = {
                { "socket", required_argument, NULL, 's' },  { "json", no_argument, NULL, 'j' },
                { "timeout", required_argument, NULL, 't' }, { "follow", no_argument, NULL, 'f' },
                { "now", no_argument, NULL, LONG_NOW },      { "batch", no_argument, NULL, 'b' },
                { "count", required_argument, NULL, 'n' },   { "delay", required_argument, NULL, 'd' },
                { "version", no_argument, NULL, 'V' },       { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        struct options o = { .task = OPTIONS_ASK, .delay_ms = 1000 };
        struct given given = { 0 };
        const struct command *c;
        int option, r = 0;

        opterr = 0;
        optind = 0; /* from the start, also for a second command line in one process */
        while (r == 0 && o.task == OPTIONS_ASK && (option = getopt_long(argc, argv, "s:jt:fbn:d:Vh", long_options, NULL)) != -1)
                r = take_option(option, optarg, &o, &given, e);
        if (r < 0 || o.task != OPTIONS_ASK) {
                *ret = o;
                return r;
        }
        if (optind == argc)
                return error_set(e, -EINVAL, "say a command");
        c = find_command(argv[optind]);
        if (!c)
                return refuse_command(argv[optind], e);
        if (argc - optind > (c->argument ? 2 : 1))
                return error_set(e, -EINVAL, c->argument ? "%s takes one %s only" : "say one command only: %s takes no argument", c->name,
                                 c->argument);
        r = check_given(c, &given, e);
        if (r == 0)
                r = make_line(c, argv[optind + 1], &given, &o, e);
        if (r < 0)
                return r;
        o.task = given.follow ? OPTIONS_FOLLOW : c->task;
        o.command = c->name;
        o.takes_time = c->takes_time;
        o.wrap_json = o.json && !c->has_json;
        o.batch = o.batch || (o.json && c->task == OPTIONS_TOP);
        if (!given.timeout && !c->takes_time)
                o.timeout_ms = OPTIONS_REPLY_MS;
        *ret = o;
        return 0;
}
