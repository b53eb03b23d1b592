/* The master's facts and plans in a simulated world: time, processes and faults by one seed, the invariants of check.c after each happening.
 *
 *      simulation [--seed N] [--seconds S | --happenings N]
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

static double seconds(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t number(const char *text) {
        char *end;
        uint64_t n = strtoull(text, &end, 10);

        if (*text && !*end)
                return n;
        (void)fprintf(stderr, "\"%s\" is not a whole number\n", text);
        exit(64);
}

int main(int argc, char **argv) {
        static const struct option options[] = { { "seed", required_argument, NULL, 's' },
                                                 { "seconds", required_argument, NULL, 't' },
                                                 { "happenings", required_argument, NULL, 'n' },
                                                 { 0 } };
        struct world_state *w = calloc(1, sizeof *w);
        uint64_t n_seconds = 0, n_happenings = UINT64_MAX;
        double begin = seconds(), took;
        int option;

        if (!w || !(w->handed_over = calloc(1, sizeof *w->handed_over)))
                return EXIT_FAILURE;
        w->seed = (uint64_t)time(NULL);
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 's':
                        w->seed = number(optarg);
                        break;
                case 't':
                        n_seconds = number(optarg);
                        break;
                case 'n':
                        n_happenings = number(optarg);
                        break;
                default:
                        return 64;
                }
        if (n_seconds == 0 && n_happenings == UINT64_MAX)
                n_happenings = 1000000;
        (void)printf("--seed %llu\n", (unsigned long long)w->seed);
        (void)fflush(stdout);
        w->random = (w->seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
        w->now_ms = 1000000;
        world_begin(w);
        while (w->n_happenings < n_happenings && (n_seconds == 0 || seconds() < begin + (double)n_seconds))
                world_step(w);
        took = seconds() - begin;
        (void)printf("%llu happenings in %.1f s: %llu lives of a daemon, %llu replies, %llu reloads, %llu other programs, %llu faults, "
                     "%llu connections passed on; simulated %.1f hours\n",
                     (unsigned long long)w->n_happenings, took, (unsigned long long)w->n_lives, (unsigned long long)w->n_replies,
                     (unsigned long long)w->n_reloads, (unsigned long long)w->n_upgrades, (unsigned long long)w->n_faults,
                     (unsigned long long)w->n_connections, (double)(w->now_ms - 1000000) / 3600000);
        if (w->plans)
                happenings_free(&w->plans->queue);
        free(w->plans);
        free(w->handed_over);
        free(w);
        return EXIT_SUCCESS;
}
