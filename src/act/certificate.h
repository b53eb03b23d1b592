/* A death certificate: all that is known of a worker's end, in one sentence. Pure. */
#ifndef RESTMARK_ACT_CERTIFICATE_H
#define RESTMARK_ACT_CERTIFICATE_H

#include <restmark/scoreboard.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "act/oom.h"
#include "shared/scoreboard.h"

enum {
        CERTIFICATE_MAX = 512,
        CERTIFICATE_UNKNOWN = 0, /* a `code` that the kernel never gives: how the worker ended cannot be known */
};

struct certificate {
        pid_t pid;
        int code, status; /* of its siginfo_t: how it ended */
        enum restmark_cause cause;
        bool killed_by_us; /* the master has sent SIGKILL */
        bool asked_to_stop;
        uint64_t age_ms, requests;
        uint64_t connections;        /* open when it died: they are reset */
        bool working;                /* a request was in work: `work`, for work_ms */
        struct scoreboard_work work;
        uint64_t work_ms;
        uint64_t peak_rss_bytes;     /* as the kernel says at the end of a process; 0: not known */
        uint64_t rss_bytes, pss_bytes, sampled_ago_ms; /* the last sample; rss_bytes 0: there is none */
        enum oom_verdict oom;
        const char *core_pattern;    /* the kernel's; for a worker that has dumped core */
};

/* How it ended: "was killed by signal 11 (SIGSEGV, Segmentation fault), core dumped"; into `text`, which it returns. */
const char *certificate_end(int code, int status, char *text, size_t size);

/* The whole. Returns `text`. */
const char *certificate_write(const struct certificate *certificate, char *text, size_t size);

/* "/million-loop" */
const char *certificate_path(enum restmark_route route);

#endif
