/* The command line of restmark-load. */
#ifndef RESTMARK_LOAD_VIEW_OPTIONS_H
#define RESTMARK_LOAD_VIEW_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/cpu_list.h"
#include "pace/slo.h"
#include "wire/request.h"

enum { OPTIONS_HEADERS_MAX = 64, OPTIONS_CONNECTIONS_MAX = 1000000, OPTIONS_THREADS_MAX = 1024, OPTIONS_PIPELINE_MAX = 1024, OPTIONS_PARTS_MAX = 10000 };

enum options_task { OPTIONS_RUN, OPTIONS_MERGE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
        enum options_task task;
        const char *url;
        char **files; /* of --merge, in argv */
        size_t n_files;
        const char *mix_file, *expect_file, *body_file, *hdr_log; /* NULL: not given */
        const char *method;
        const char *headers[OPTIONS_HEADERS_MAX];
        size_t n_headers;
        struct request_wish *wishes; /* the targets behind the URL; freed by options_deinit() */
        size_t n_wishes;
        struct cpu_list cpus;
        uint64_t connections, threads, pipeline, requests, reconnect, seed;
        uint64_t duration_ns, timeout_ns, think_ns;
        uint64_t every_ns; /* 0: not asked for */
        uint64_t status; /* 0: 200 to 299 */
        uint32_t part, parts; /* this one's number, from 0, of so many */
        double rate;     /* 0: closed loop */
        bool poisson, check, probe, json, merge, hold, die_with_parent;
        struct slo_set slo; /* empty: one run */
};

/* Reads the command line. Returns 0, or a negative errno value with a sentence; getopt's own messages are not printed. options_deinit()
 * frees what it allocated, in any case. */
int options_parse(int argc, char **argv, struct options *ret, struct error *e);
void options_deinit(struct options *o);

extern const char options_usage[];

#endif
