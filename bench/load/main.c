/* restmark-load: loads an HTTP/1.1 server and measures how it answers. */
#include <errno.h>
#include <restmark/version.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "engine/probe.h"
#include "engine/run.h"
#include "latency/hdr_log.h"
#include "view/every.h"
#include "view/file.h"
#include "view/hold.h"
#include "view/human.h"
#include "view/json.h"
#include "view/merge.h"
#include "view/options.h"
#include "view/progress.h"
#include "view/search.h"

enum { EXIT_FAILED = 1 };

static int complain(int exit_code, const char *text) {
        (void)fprintf(stderr, "restmark-load: %s\n", text);
        return exit_code;
}

static int flush(int exit_code) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return exit_code;
        return complain(EX_IOERR, "cannot write to standard output");
}

/* What an error means for the one who called: a server that is not there or not right, or this machine. */
static int exit_code_of(int code) {
        switch (code) {
        case -EINVAL:
        case -E2BIG:
                return EX_USAGE;
        case -ENOMEM:
        case -EMFILE:
        case -EAGAIN:
        case -EPERM:
        case -ENOSYS:
                return EX_OSERR;
        case -EIO:
                return EX_IOERR;
        case -EINTR:
                return 128 + SIGINT;
        default:
                return EX_UNAVAILABLE;
        }
}

/* The parent may have ended before the kernel was told. Returns 0 or an exit code. */
static int follow_parent(pid_t parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return complain(EX_OSERR, "cannot ask the kernel to end with the parent");
        return getppid() == parent ? 0 : complain(EX_OSERR, "the process that started this one has ended");
}

/* A file that an option names: that it is not there is wrong usage. */
static int read_named(const char *path, char **ret, size_t *ret_length, struct error *e) {
        int r = file_read(path, ret, ret_length, e);

        return r == 0 || r == -ENOMEM ? r : -EINVAL;
}

static int gather_targets(struct options *o, const struct address *a, struct error *e) {
        bool url_has_target = a->target && strcmp(a->target, "/") != 0;

        if (o->mix_file) {
                int n = request_wishes_read(o->mix_file, o->wishes, REQUEST_TARGETS_MAX, e);

                if (n < 0)
                        return -EINVAL;
                o->n_wishes = (size_t)n;
        }
        if (o->n_wishes > 0 && url_has_target)
                return error_set(e, -EINVAL, "the URL has the target %s, and there are others: give it among these", a->target);
        if (o->n_wishes > 0)
                return 0;
        o->n_wishes = 1;
        return request_wish_make(url_has_target ? a->target : "/", 1, &o->wishes[0], e);
}

/* The plan without what is expected of answers. `body` has to outlive the plan's making alone. */
static int make_plan(struct options *o, struct load_plan *p, struct error *e) {
        struct request_style style = { .method = o->method, .headers = o->headers, .n_headers = o->n_headers };
        char *body = NULL;
        int r = address_resolve(o->url, &p->address, e);

        if (r == 0)
                r = gather_targets(o, &p->address, e);
        if (r == 0 && o->body_file)
                r = read_named(o->body_file, &body, &style.body_length, e);
        style.body = body;
        style.host = p->address.host;
        style.is_call = p->address.is_call;
        if (r == 0 && style.is_call && (o->n_headers > 0 || strcmp(o->method, o->body_file ? "POST" : "GET") != 0))
                r = error_set(e, -EINVAL, "calls have neither --header nor --method: the target's path is the method");
        if (r == 0)
                r = request_mix_make(&p->mix, o->wishes, o->n_wishes, &style, o->seed, e);
        free(body);
        p->status = (uint16_t)o->status;
        p->cpus = o->cpus;
        p->threads = (uint32_t)o->threads;
        p->connections = (uint32_t)o->connections;
        p->depth = (uint32_t)o->pipeline;
        p->duration_ns = o->duration_ns;
        p->requests = o->requests;
        p->timeout_ns = o->timeout_ns;
        p->think_ns = o->think_ns;
        p->reconnect = o->reconnect;
        p->rate = o->rate;
        p->poisson = o->poisson;
        p->seed = o->seed;
        p->part = o->part;
        p->parts = o->parts;
        return r;
}

static int expect(const struct options *o, struct load_plan *p, struct error *e) {
        struct expectation file = { .known = true };
        int r = 0;

        if (o->expect_file)
                r = read_named(o->expect_file, &file.body, &file.length, e);
        if (r == 0 && o->check)
                r = probe_targets(p, o->expect_file ? &file : NULL, o->probe, e);
        free(file.body);
        return r;
}

static int write_log(FILE *log, const struct load_result *r, struct error *e) {
        struct hdr_interval whole = { .start_ms = r->start_realtime_ns / 1000000, .length_ms = r->total_ns / 1000000, .values = &r->latency };

        return hdr_log_write(log, "restmark-load " RESTMARK_VERSION, &whole, 1, e);
}

static int print(const struct options *o, const struct load_plan *p, const struct load_result *r) {
        struct figures f = figures_of(p, r);
        json_object *json;

        if (!o->json) {
                human_run(stdout, p, r, &f);
                return flush(figures_errors(r) > 0 ? EXIT_FAILED : EX_OK);
        }
        json = json_run(p, r, &f);
        if (!json)
                return complain(EX_OSERR, "no memory for JSON");
        (void)puts(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        (void)json_object_put(json);
        return flush(figures_errors(r) > 0 ? EXIT_FAILED : EX_OK);
}

/* `log` may be NULL. */
static int run_once(const struct options *o, const struct load_plan *p, FILE *log) {
        struct load_result *r = malloc(sizeof *r);
        struct progress *progress = malloc(sizeof *progress);
        struct load_watcher memory;
        struct error e = { "no memory" };
        int result = -ENOMEM, code;

        if (r && progress) {
                progress_begin(progress, stderr, p, "");
                result = load_run(p, o->every_ns > 0 ? every_watcher(o->every_ns, &memory) : progress_watcher(progress, &memory), o->hold ? &hold_gate : NULL, r, &e);
                progress_end(progress);
        }
        if (result < 0) {
                code = complain(exit_code_of(result), e.text);
        } else {
                code = print(o, p, r);
                if (log && write_log(log, r, &e) < 0)
                        code = complain(EX_IOERR, e.text);
                load_result_deinit(r);
        }
        free(progress);
        free(r);
        return code;
}

static int measure(struct options *o, struct load_plan *p) {
        struct error e;
        int r = make_plan(o, p, &e), held, code;
        FILE *log = NULL;

        if (r == 0)
                r = expect(o, p, &e);
        if (r == 0)
                r = load_block_signals(&e);
        if (r < 0)
                return complain(exit_code_of(r), e.text);
        if (o->slo.n == 0) {
                if (o->hdr_log && !(log = fopen(o->hdr_log, "we"))) {
                        (void)error_set_errno(&e, errno, "--hdr-log: cannot write %s", o->hdr_log);
                        return complain(EX_IOERR, e.text);
                }
                code = run_once(o, p, log);
                if (log && fclose(log) != 0)
                        code = complain(EX_IOERR, "cannot write the histogram's log");
                return code;
        }
        held = search_run(p, &o->slo, o->json, &e);
        if (held < 0)
                return complain(exit_code_of(held), e.text);
        return flush(held ? EX_OK : EXIT_FAILED);
}

/* Damaged files are told from those that cannot be read. */
static int merge(const struct options *o) {
        struct merge *m = malloc(sizeof *m);
        struct error e = { "no memory" };
        int r = m ? merge_read(m, o->files, o->n_files, &e) : -ENOMEM, code = EX_OK;

        if (r < 0)
                code = complain(r == -EBADMSG || r == -ENOTSUP || r == -ERANGE ? EX_DATAERR : r == -ENOMEM ? EX_OSERR : EX_USAGE, e.text);
        if (code == EX_OK && o->hdr_log && merge_write_log(o->hdr_log, m, &e) < 0)
                code = complain(EX_IOERR, e.text);
        if (code == EX_OK)
                code = merge_print(stdout, m, o->json, &e) < 0 ? complain(EX_OSERR, e.text) : flush(EX_OK);
        if (m)
                merge_deinit(m);
        free(m);
        return code;
}

int main(int argc, char **argv) {
        static struct load_plan plan;
        pid_t parent = getppid();
        struct options o;
        struct error e;
        int code = EX_OK;

        if (options_parse(argc, argv, &o, &e) < 0) {
                (void)fprintf(stderr, "restmark-load: %s; try `restmark-load --help'\n", e.text);
                code = EX_USAGE;
        } else if (o.task == OPTIONS_HELP) {
                (void)fputs(options_usage, stdout);
                code = flush(EX_OK);
        } else if (o.task == OPTIONS_VERSION) {
                (void)puts("restmark-load " RESTMARK_VERSION);
                code = flush(EX_OK);
        } else if (o.task == OPTIONS_MERGE) {
                code = merge(&o);
        } else {
                if (o.die_with_parent)
                        code = follow_parent(parent);
                if (code == EX_OK)
                        code = measure(&o, &plan);
        }
        probe_forget(&plan);
        request_mix_free(&plan.mix);
        options_deinit(&o);
        return code;
}
