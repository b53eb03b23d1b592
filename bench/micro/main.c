/* restmark-micro: what the codecs and the loop cost alone. Each round runs every case once, in an order that is rotated from
 * round to round, so that a disturbance of the machine hits all alike; the figures are medians over the rounds. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "micro.h"

enum {
        ROUNDS_DEFAULT = 51,
        ROUNDS_MAX = 100000,
        ROUND_NS = 2000000, /* what a case may take in one round: long against the clock's own cost */
};

struct options {
        size_t rounds, records;
        size_t calls;     /* per round; 0: as many as ROUND_NS has room for */
        const char *only; /* "GROUP" or "GROUP NAME" */
        bool json;
};

static const char usage[] =
        "Usage: restmark-micro [--rounds N] [--records N] [--only \"GROUP [NAME]\"] [--calls N] [--json]\n"
        "\n"
        "Measures the codecs and the loop alone: CPU nanoseconds per record, and how many times\n"
        "as long each takes as struct mode. Run it on an idle machine, on one CPU (taskset -c 1).\n"
        "\n"
        "  --rounds N   rounds of all cases, interleaved (default 51)\n"
        "  --records N  records of the built-in dataset (default 1000)\n"
        "  --only WHAT  one group or case, e.g. --only parse, --only 'encode struct'\n"
        "  --calls N    calls per round, instead of as many as 2 ms have room for; with --only and\n"
        "               --rounds 1 for a profiler that counts instructions\n"
        "  --json       JSON on standard output\n";

static double cpu_ns(void) {
        struct timespec t;

        if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) < 0)
                micro_die("no CPU clock: %s", strerror(errno));
        return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run_ns(const struct micro_case *what, struct bench *b, size_t calls) {
        double start = cpu_ns();

        for (size_t i = 0; i < calls; i++)
                what->run(b);
        return (cpu_ns() - start) / (double)calls;
}

/* Warms up, counts allocations, finds how many calls make a round. */
static void prepare(struct micro_result *r, struct bench *b, size_t calls) {
        int64_t before;
        double ns;

        r->what->run(b); /* memory that is grown once and then kept */
        before = allocations_counted();
        r->what->run(b);
        r->allocations = (size_t)(allocations_counted() - before);
        ns = run_ns(r->what, b, 3);
        r->calls = calls ? calls : ns >= ROUND_NS ? 1 : (size_t)(ROUND_NS / (ns > 1 ? ns : 1));
}

static int compare_doubles(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void summarise(struct micro_result *r, double *samples, size_t rounds, size_t items) {
        qsort(samples, rounds, sizeof *samples, compare_doubles);
        r->min_ns = samples[0] / (double)items;
        r->max_ns = samples[rounds - 1] / (double)items;
        r->median_ns = (samples[(rounds - 1) / 2] + samples[rounds / 2]) / 2 / (double)items;
}

static void measure(struct micro_result *results, size_t n, struct bench *b, const struct options *o) {
        double *samples = calloc(n * o->rounds, sizeof *samples);

        if (!samples)
                micro_die("out of memory for %zu rounds", o->rounds);
        for (size_t i = 0; i < n; i++)
                prepare(&results[i], b, o->calls);
        for (size_t round = 0; round < o->rounds; round++)
                for (size_t k = 0; k < n; k++) {
                        size_t i = (k + round) % n;

                        samples[i * o->rounds + round] = run_ns(results[i].what, b, results[i].calls);
                }
        for (size_t i = 0; i < n; i++) {
                size_t first = i;

                summarise(&results[i], samples + i * o->rounds, o->rounds, results[i].what->items(b));
                while (first > 0 && strcmp(results[first - 1].what->group, results[i].what->group) == 0)
                        first--;
                results[i].ratio = results[i].median_ns / results[first].median_ns;
        }
        free(samples);
}

static bool selected(const struct micro_case *c, const char *only) {
        char full[64];

        if (!only)
                return true;
        (void)snprintf(full, sizeof full, "%s %s", c->group, c->name);
        return strcmp(only, c->group) == 0 || strcmp(only, full) == 0;
}

static size_t number(const char *option, const char *text, size_t max) {
        unsigned long long value;
        char *end;

        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno || end == text || *end || text[0] == '-' || value == 0 || value > max) {
                (void)fprintf(stderr, "restmark-micro: --%s %s: give a number from 1 to %zu\n", option, text, max);
                exit(EX_USAGE);
        }
        return (size_t)value;
}

static struct options parse_options(int argc, char **argv) {
        static const struct option known[] = {
                { "rounds", required_argument, NULL, 'r' }, { "records", required_argument, NULL, 'n' },
                { "calls", required_argument, NULL, 'c' },  { "only", required_argument, NULL, 'o' },
                { "json", no_argument, NULL, 'j' },         { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        struct options o = { .rounds = ROUNDS_DEFAULT, .records = DATASET_RECORDS_DEFAULT };
        int c;

        while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1)
                switch (c) {
                case 'r':
                        o.rounds = number("rounds", optarg, ROUNDS_MAX);
                        break;
                case 'n':
                        o.records = number("records", optarg, DATASET_RECORDS_MAX);
                        break;
                case 'c':
                        o.calls = number("calls", optarg, 1000000);
                        break;
                case 'o':
                        o.only = optarg;
                        break;
                case 'j':
                        o.json = true;
                        break;
                case 'h':
                        (void)fputs(usage, stdout);
                        exit(0);
                default:
                        (void)fputs(usage, stderr);
                        exit(EX_USAGE);
                }
        if (optind < argc) {
                (void)fprintf(stderr, "restmark-micro: unexpected argument: %s\n%s", argv[optind], usage);
                exit(EX_USAGE);
        }
        return o;
}

int main(int argc, char **argv) {
        struct options o = parse_options(argc, argv);
        struct micro_result *results = calloc(micro_n_cases, sizeof *results);
        struct dataset *d;
        struct bench b;
        struct error e;
        size_t n = 0;

        if (dataset_new(NULL, o.records, CODEC_TREE, &d, &e) < 0)
                micro_die("%s", e.text);
        b = (struct bench){
                .dataset = d,
                .records = calloc(d->n_records, sizeof *b.records),
                .json = malloc(d->json_length),
                .reference = reference_new(d),
        };
        if (!results || !b.records || !b.json)
                micro_die("out of memory");
        for (size_t i = 0; i < micro_n_cases; i++)
                if (selected(&micro_cases[i], o.only))
                        results[n++].what = &micro_cases[i];
        if (n == 0) {
                (void)fprintf(stderr, "restmark-micro: --only %s: no such group or case\n", o.only);
                return EX_USAGE;
        }
        measure(results, n, &b, &o);
        (o.json ? report_json : report_table)(results, n, o.rounds, d->n_records);
        reference_free(b.reference);
        free(b.records);
        free(b.json);
        free(results);
        dataset_free(d);
        return fflush(stdout) == 0 ? 0 : EX_IOERR;
}
