#include "view/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "pace/duration.h"

const char options_usage[] =
        "Usage: restmark-load [OPTION]... URL [TARGET=WEIGHT]...\n"
        "       restmark-load --merge [--json] [--hdr-log FILE] FILE...\n"
        "\n"
        "Loads an HTTP/1.1 server and says how fast, and how rightly, it answers.\n"
        "URL is http://HOST[:PORT][/TARGET] or unix:PATH. A TARGET may have random\n"
        "numbers in it: /records?count={count:0-1000}. With rpc://HOST:PORT[/TARGET] or\n"
        "rpc+unix:PATH targets are calls of MessagePack-RPC: /million-loop?n=5.\n"
        "\n"
        "  -c, --connections N   connections (default: 64)\n"
        "  -t, --threads N       threads (default: one for each of --cpus, else 1)\n"
        "      --cpus LIST       run on these CPUs: 1-3,6, or auto for all\n"
        "  -d, --duration TIME   how long to send (default: 10s)\n"
        "  -n, --requests N      how many requests to send, instead\n"
        "      --timeout TIME    give a request up after this long (default: 10s)\n"
        "\n"
        "  -r, --rate N          send N requests a second, answered or not; latency\n"
        "                        counts from when each was to be sent\n"
        "      --poisson         at random intervals, as independent users would\n"
        "      --seed N          what random is derived from (default: 1)\n"
        "      --part I/N        send the I-th of N parts of all these requests; the\n"
        "                        others are other processes', on other machines\n"
        "      --slo pQ=TIME,... find the highest rate at which Q % of all requests are\n"
        "                        answered within TIME, each time that is given; begins\n"
        "                        with --rate\n"
        "\n"
        "      --mix FILE        targets from a file: lines of WEIGHT TARGET\n"
        "      --method METHOD   (default: GET, or POST with --body)\n"
        "  -H, --header HEADER   \"Name: value\"; may be repeated\n"
        "      --body FILE       send this body\n"
        "      --pipeline DEPTH  requests under way on a connection (default: 1); calls\n"
        "                        may be answered in any order\n"
        "      --think TIME      wait between an answer and the next request\n"
        "      --reconnect N     a new connection after every N answers\n"
        "\n"
        "      --expect FILE     answers have to be these bytes (default: those of a\n"
        "                        first answer)\n"
        "      --no-probe        do not ask before the load; takes --expect\n"
        "      --no-check        do not look at the bytes of answers\n"
        "      --status N        answers have to have this status (default: 200-299)\n"
        "\n"
        "  -j, --json            print JSON\n"
        "      --hdr-log FILE    write the histogram as an HdrHistogram log\n"
        "      --merge           load nothing: add up the histograms of many runs, which\n"
        "                        are in logs of --hdr-log or in what --json printed\n"
        "      --every TIME      print a line that often: microseconds since the start,\n"
        "                        requests answered and failed so far\n"
        "      --hold            say \"ready\" when all connections are open, and begin\n"
        "                        when a line comes in\n"
        "      --die-with-parent end when the process that started this one does\n"
        "  -V, --version         print the version\n"
        "  -h, --help            print this\n"
        "\n"
        "TIME is a number with us, ms, s or min behind it. Exit codes: 0 done, 1 some\n"
        "requests failed or the level was not held, 64 usage, 69 the server cannot be\n"
        "reached or answers wrongly, 65 a file to merge is damaged, 71 system, 74 output.\n"
        "See restmark-load(1).\n";

enum {
        LONG_CPUS = 256,
        LONG_TIMEOUT,
        LONG_POISSON,
        LONG_SEED,
        LONG_PART,
        LONG_SLO,
        LONG_MIX,
        LONG_METHOD,
        LONG_BODY,
        LONG_PIPELINE,
        LONG_THINK,
        LONG_RECONNECT,
        LONG_EXPECT,
        LONG_NO_PROBE,
        LONG_NO_CHECK,
        LONG_STATUS,
        LONG_HDR_LOG,
        LONG_EVERY,
        LONG_MERGE,
        LONG_HOLD,
        LONG_DIE,
};

enum { RATE_MAX = 10000000 }; /* ten times what a CPU can send; each that is not sent is counted one by one */

static const struct option long_options[] = {
        { "connections", required_argument, NULL, 'c' },    { "threads", required_argument, NULL, 't' },
        { "cpus", required_argument, NULL, LONG_CPUS },     { "duration", required_argument, NULL, 'd' },
        { "requests", required_argument, NULL, 'n' },       { "timeout", required_argument, NULL, LONG_TIMEOUT },
        { "rate", required_argument, NULL, 'r' },           { "poisson", no_argument, NULL, LONG_POISSON },
        { "seed", required_argument, NULL, LONG_SEED },     { "part", required_argument, NULL, LONG_PART },
        { "slo", required_argument, NULL, LONG_SLO },
        { "mix", required_argument, NULL, LONG_MIX },       { "method", required_argument, NULL, LONG_METHOD },
        { "header", required_argument, NULL, 'H' },         { "body", required_argument, NULL, LONG_BODY },
        { "pipeline", required_argument, NULL, LONG_PIPELINE }, { "think", required_argument, NULL, LONG_THINK },
        { "reconnect", required_argument, NULL, LONG_RECONNECT }, { "expect", required_argument, NULL, LONG_EXPECT },
        { "no-probe", no_argument, NULL, LONG_NO_PROBE },   { "no-check", no_argument, NULL, LONG_NO_CHECK },
        { "status", required_argument, NULL, LONG_STATUS },
        { "json", no_argument, NULL, 'j' },                 { "hdr-log", required_argument, NULL, LONG_HDR_LOG },
        { "merge", no_argument, NULL, LONG_MERGE },        { "every", required_argument, NULL, LONG_EVERY },
        { "hold", no_argument, NULL, LONG_HOLD },           { "die-with-parent", no_argument, NULL, LONG_DIE },
        { "version", no_argument, NULL, 'V' },              { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
};

static const char *option_name(int option) {
        for (const struct option *o = long_options; o->name; o++)
                if (o->val == option)
                        return o->name;
        return "?";
}

static int take_number(int option, const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct error *e) {
        uint64_t number;

        if (number_parse(text, strlen(text), &number) < 0 || number < min || number > max)
                return error_set(e, -EINVAL, "--%s takes a whole number from %llu to %llu, and not \"%s\"", option_name(option),
                                 (unsigned long long)min, (unsigned long long)max, text);
        *ret = number;
        return 0;
}

static int take_time(int option, const char *text, uint64_t max_ns, uint64_t *ret_ns, struct error *e) {
        uint64_t ns;

        if (duration_parse(text, UINT64_C(1000000000), &ns) < 0 || ns < 1000 || ns > max_ns)
                return error_set(e, -EINVAL, "--%s takes a time such as 500ms or 2s, from 1us to %llus, and not \"%s\"", option_name(option),
                                 (unsigned long long)(max_ns / 1000000000u), text);
        *ret_ns = ns;
        return 0;
}

static int take_rate(const char *text, double *ret, struct error *e) {
        char *end;
        double rate = strtod(text, &end);

        if (text[strspn(text, "0123456789.")] || end == text || *end || !(rate >= 0.001 && rate <= RATE_MAX))
                return error_set(e, -EINVAL, "--rate takes requests a second, from 0.001 to %.0f, and not \"%s\"", (double)RATE_MAX, text);
        *ret = rate;
        return 0;
}

static int take_part(const char *text, struct options *o, struct error *e) {
        const char *of = strchr(text, '/');
        uint64_t part = 0, parts = 0;

        if (!of || number_parse(text, (size_t)(of - text), &part) < 0 || number_parse(of + 1, strlen(of + 1), &parts) < 0 || part < 1 || part > parts ||
            parts > OPTIONS_PARTS_MAX)
                return error_set(e, -EINVAL, "--part takes a part's number and how many there are, at most %d, such as 2/4, and not \"%s\"",
                                 OPTIONS_PARTS_MAX, text);
        o->part = (uint32_t)(part - 1);
        o->parts = (uint32_t)parts;
        return 0;
}

static int take_header(struct options *o, const char *text, struct error *e) {
        if (o->n_headers == OPTIONS_HEADERS_MAX)
                return error_set(e, -E2BIG, "more than %d headers", OPTIONS_HEADERS_MAX);
        o->headers[o->n_headers++] = text;
        return request_check_header(text, e);
}

/* Options that say how much and how fast. Returns 1 if it is none of these. */
static int take_load(int option, const char *value, struct options *o, struct error *e) {
        switch (option) {
        case 'c':
                return take_number(option, value, 1, OPTIONS_CONNECTIONS_MAX, &o->connections, e);
        case 't':
                return take_number(option, value, 1, OPTIONS_THREADS_MAX, &o->threads, e);
        case LONG_CPUS:
                return cpu_list_parse(value, &o->cpus, e) < 0 ? error_prefix(e, -EINVAL, "--cpus %s", value) : 0;
        case 'd':
                return take_time(option, value, UINT64_C(86400000000000), &o->duration_ns, e);
        case 'n':
                return take_number(option, value, 1, UINT64_C(1000000000000), &o->requests, e);
        case LONG_TIMEOUT:
                return take_time(option, value, UINT64_C(60000000000), &o->timeout_ns, e);
        case 'r':
                return take_rate(value, &o->rate, e);
        case LONG_POISSON:
                o->poisson = true;
                return 0;
        case LONG_SEED:
                return take_number(option, value, 0, UINT64_MAX, &o->seed, e);
        case LONG_PART:
                return take_part(value, o, e);
        case LONG_SLO:
                return slo_parse(value, &o->slo, e);
        case LONG_PIPELINE:
                return take_number(option, value, 1, OPTIONS_PIPELINE_MAX, &o->pipeline, e);
        case LONG_THINK:
                return take_time(option, value, UINT64_C(3600000000000), &o->think_ns, e);
        case LONG_RECONNECT:
                return take_number(option, value, 1, UINT64_C(1000000000000), &o->reconnect, e);
        default:
                return 1;
        }
}

static int take_option(int option, const char *value, struct options *o, struct error *e) {
        switch (option) {
        case LONG_MIX:
                o->mix_file = value;
                return 0;
        case LONG_METHOD:
                o->method = value;
                return request_check_method(value, e);
        case 'H':
                return take_header(o, value, e);
        case LONG_BODY:
                o->body_file = value;
                return 0;
        case LONG_EXPECT:
                o->expect_file = value;
                return 0;
        case LONG_NO_PROBE:
                o->probe = false;
                return 0;
        case LONG_NO_CHECK:
                o->check = false;
                return 0;
        case LONG_STATUS:
                return take_number(option, value, 200, 599, &o->status, e);
        case 'j':
                o->json = true;
                return 0;
        case LONG_HDR_LOG:
                o->hdr_log = value;
                return 0;
        case LONG_EVERY:
                return take_time(option, value, UINT64_C(3600000000000), &o->every_ns, e);
        case LONG_MERGE:
                o->merge = true;
                return 0;
        case LONG_HOLD:
                o->hold = true;
                return 0;
        case LONG_DIE:
                o->die_with_parent = true;
                return 0;
        case 'V':
                o->task = OPTIONS_VERSION;
                return 0;
        default:
                o->task = OPTIONS_HELP;
                return 0;
        }
}

/* What getopt() does not take. It has gone past the word that it is about; among short options that stand together it may not have. */
static int refuse_option(int why, const char *word, struct error *e) {
        if (why == ':')
                return error_set(e, -EINVAL, "%s lacks its value", word);
        if (strncmp(word, "--", 2) != 0 && optopt > ' ')
                return error_set(e, -EINVAL, "-%c is not known", optopt);
        if (optopt)
                return error_set(e, -EINVAL, "--%s takes no value", option_name(optopt));
        return error_set(e, -EINVAL, "%s is not known, or short for several options", word);
}

/* What does not go together. */
static int check(const struct options *o, struct error *e) {
        if (o->poisson && o->rate <= 0)
                return error_set(e, -EINVAL, "--poisson goes with --rate");
        if (o->slo.n > 0 && o->rate <= 0)
                return error_set(e, -EINVAL, "--slo needs a --rate to begin with");
        if (o->slo.n > 0 && o->requests > 0)
                return error_set(e, -EINVAL, "--slo goes with --duration, of each try, and not with --requests");
        if (o->slo.n > 0 && o->every_ns > 0)
                return error_set(e, -EINVAL, "--every is of one run, and --slo makes many");
        if (o->slo.n > 0 && o->parts > 1)
                return error_set(e, -EINVAL, "--slo goes by the answers of all requests, and --part has only some");
        if (o->slo.n > 0 && o->hold)
                return error_set(e, -EINVAL, "--hold is of one run, and --slo makes many");
        if (o->slo.n > 0 && o->hdr_log)
                return error_set(e, -EINVAL, "--hdr-log is of one run, and --slo makes many; --json has the histogram of each");
        if (o->think_ns > 0 && (o->rate > 0 || o->pipeline > 1))
                return error_set(e, -EINVAL, "--think goes neither with --rate, which has a schedule, nor with --pipeline");
        if (o->pipeline > 1 && o->rate > 0)
                return error_set(e, -EINVAL, "--pipeline does not go with --rate");
        if (o->threads > o->connections)
                return error_set(e, -EINVAL, "%llu threads for %llu connections: each thread needs one of its own", (unsigned long long)o->threads,
                                 (unsigned long long)o->connections);
        if (o->expect_file && !o->check)
                return error_set(e, -EINVAL, "--expect does not go with --no-check");
        if (!o->probe && o->check && !o->expect_file)
                return error_set(e, -EINVAL, "--no-probe goes with --expect: what is not asked for before has to be said");
        if (o->mix_file && o->n_wishes > 0)
                return error_set(e, -EINVAL, "give targets in --mix %s or behind the URL, not both", o->mix_file);
        return 0;
}

static int take_targets(int n, char **words, struct options *o, struct error *e) {
        if (n > REQUEST_TARGETS_MAX)
                return error_set(e, -E2BIG, "more than %d targets", REQUEST_TARGETS_MAX);
        o->wishes = calloc(REQUEST_TARGETS_MAX, sizeof *o->wishes);
        if (!o->wishes)
                return error_set(e, -ENOMEM, "no memory for targets");
        for (int i = 0; i < n; i++) {
                int r = request_wish_parse(words[i], &o->wishes[o->n_wishes], e);

                if (r < 0)
                        return r;
                o->n_wishes++;
        }
        return 0;
}

/* `other`: an option that was given and is of a load; 0: none. */
static int take_files(int n, char **words, int other, struct options *o, struct error *e) {
        if (other)
                return error_set(e, -EINVAL, "--merge loads nothing: --%s does not go with it", option_name(other));
        if (n == 0)
                return error_set(e, -EINVAL, "--merge takes files that --hdr-log wrote or --json printed");
        o->task = OPTIONS_MERGE;
        o->files = words;
        o->n_files = (size_t)n;
        return 0;
}

static void set_defaults(struct options *o) {
        if (o->threads == 0)
                o->threads = o->cpus.n > 0 ? o->cpus.n : 1;
        if (o->threads > o->connections && o->cpus.n > 0 && o->threads == o->cpus.n)
                o->threads = o->connections; /* not asked for: a CPU less is no harm */
        if (o->duration_ns == 0 && o->requests == 0)
                o->duration_ns = UINT64_C(10000000000);
        if (!o->method)
                o->method = o->body_file ? "POST" : "GET";
}

int options_parse(int argc, char **argv, struct options *ret, struct error *e) {
        struct options *o = ret;
        int option, r = 0, other = 0;

        *o = (struct options){ .connections = 64, .pipeline = 1, .seed = 1, .parts = 1, .timeout_ns = UINT64_C(10000000000), .check = true, .probe = true };
        opterr = 0;
        optind = 0; /* from the start, also for a second command line in one process */
        while (r == 0 && o->task == OPTIONS_RUN && (option = getopt_long(argc, argv, ":c:t:d:n:r:H:jVh", long_options, NULL)) != -1) {
                r = option == ':' || option == '?' ? refuse_option(option, argv[optind - 1], e) : take_load(option, optarg, o, e);
                if (r > 0)
                        r = take_option(option, optarg, o, e);
                if (option != LONG_MERGE && option != LONG_HDR_LOG && option != 'j')
                        other = option;
        }
        if (r < 0 || o->task != OPTIONS_RUN)
                return r;
        if (o->merge)
                return take_files(argc - optind, argv + optind, other, o, e);
        if (optind == argc)
                return error_set(e, -EINVAL, "say a URL, such as http://127.0.0.1:8080/");
        o->url = argv[optind];
        r = take_targets(argc - optind - 1, argv + optind + 1, o, e);
        if (r < 0)
                return r;
        set_defaults(o);
        return check(o, e);
}

void options_deinit(struct options *o) {
        free(o->wishes);
        o->wishes = NULL;
}
