/* What the files of restmark-micro share. */
#ifndef RESTMARK_BENCH_MICRO_H
#define RESTMARK_BENCH_MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Everything that the cases work on, made before the clock runs. */
struct bench {
        const struct dataset *dataset; /* with a tree */
        struct record *records;        /* where parsing puts them */
        char *json;                    /* json_length bytes */
        struct reference *reference;
};

/* One thing to measure. `run` does it once, over the whole dataset, and ends the program if it fails. */
struct micro_case {
        const char *group, *name;
        const char *what;
        const char *item; /* what the figures are per: "record", "double", "step" */
        void (*run)(struct bench *b);
        size_t (*items)(const struct bench *b); /* per run */
};

extern const struct micro_case micro_cases[];
extern const size_t micro_n_cases;

/* The figures of one case, in nanoseconds of CPU time per item. */
struct micro_result {
        const struct micro_case *what;
        double median_ns, min_ns, max_ns;
        size_t calls;             /* per round */
        size_t allocations;       /* per call, after the first */
        double ratio;             /* to the first case of its group that was run: how many times as long */
};

/* Tells the compiler that `memory`, and all that it points to, will be read. */
static inline void micro_consume(const void *memory) {
        __asm__ volatile("" : : "r"(memory) : "memory");
}

/* die.c: ends the program with a message. */
void micro_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* reference.c: the libraries as their manuals show them, without any of restmark. */
struct reference *reference_new(const struct dataset *d);
struct reference *reference_free(struct reference *r);
void reference_unpack_next(struct bench *b);
void reference_unpack_reused(struct bench *b);
void reference_json_default(struct bench *b);
size_t reference_to_chars(double value, char *out, size_t size); /* reference_to_chars.cc; returns the length */
void reference_yyjson(struct bench *b); /* reference_yyjson.c, where there is that library */

/* allocations.c: how often malloc, calloc or realloc have been called, by anybody in this process; -1 if this build cannot
 * count them. */
int64_t allocations_counted(void);

/* report.c */
void report_table(const struct micro_result *results, size_t n, size_t rounds, size_t records);
void report_json(const struct micro_result *results, size_t n, size_t rounds, size_t records);

#ifdef __cplusplus
}
#endif

#endif
