/* restmarkd: arguments and wiring. */
#include <errno.h>
#include <getopt.h>
#include <restmark/version.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/title.h"
#include "config/config.h"
#include "master/control.h"
#include "master/listener.h"
#include "master/preflight.h"
#include "master/supervisor.h"
#include "shared/scoreboard.h"
#include "setup.h"
#include "worker/worker.h"

_Static_assert((int)EX_DATAERR == (int)HERITAGE_EXIT_FATAL_DATA, "workers speak the daemon's exit codes");
_Static_assert((int)EX_CONFIG == (int)HERITAGE_EXIT_FATAL_CONFIG, "workers speak the daemon's exit codes");
_Static_assert((int)EX_OSERR == (int)HERITAGE_EXIT_SYSTEM, "workers speak the daemon's exit codes");
_Static_assert((int)LISTEN_MAX == RESTMARK_LISTEN_MAX && (int)LISTEN_TEXT_MAX == RESTMARK_LISTEN_TEXT_MAX,
               "the scoreboard holds all addresses");

static const char usage[] =
        "Usage: restmarkd [-c FILE] [-o SECTION.KEY=VALUE]...\n"
        "       restmarkd -t | -T | --write-dataset FILE | --write-config FILE\n"
        "\n"
        "A pre-forked HTTP server with five REST workloads, for benchmarks. Runs in the\n"
        "foreground.\n"
        "\n"
        "  -c, --config FILE           read the configuration (default: built-in values)\n"
        "  -o, --option SECTION.KEY=VALUE\n"
        "                              override one option; may be repeated\n"
        "  -t, --test                  test configuration and dataset, start nothing\n"
        "  -T, --dump-config           print the effective configuration\n"
        "      --write-dataset FILE    write the dataset as MessagePack (-: stdout)\n"
        "      --write-config FILE     write the commented default configuration\n"
        "                              (-: stdout)\n"
        "  -V, --version               print the version\n"
        "  -h, --help                  print this\n"
        "\n"
        "Signals: TERM, QUIT stop gracefully; INT or a second TERM stop at once; HUP\n"
        "reloads; USR1 opens the access log again.\n"
        "Exit codes: 0 stopped as asked, 64 usage, 65 dataset, 71 system,\n"
        "78 configuration. See restmarkd(8) and restmarkd.ini(5).\n";

enum task { TASK_RUN, TASK_TEST, TASK_DUMP, TASK_WRITE_DATASET, TASK_WRITE_CONFIG, TASK_SHOW };

struct arguments {
        enum task task;
        const char *config_path; /* NULL: none */
        const char *output;      /* of the write tasks */
        const char **overrides;
        size_t n_overrides;
};

/* What running needs, made step by step. */
struct parts {
        struct setup_source source;
        struct setup *setup;
        struct restmark_scoreboard *board;
        struct listeners *listeners;
        struct control *control;
        struct control_access control_access;
        char *control_path;
        unsigned int n_workers;
};

static int fail(int exit_code, const struct error *e) {
        log_message(LOG_ERR, "%s", e->text);
        return exit_code;
}

/* The same for the value of an option: it says where that is written. */
static int fail_option(int exit_code, const struct config *config, enum option_id id, struct error *e) {
        return fail(setup_blame(exit_code, config, id, e), e);
}

static int show(const char *text, FILE *to, struct arguments *arguments, int exit_code) {
        (void)fputs(text, to);
        arguments->task = TASK_SHOW; /* what was asked for is printed already */
        return exit_code;
}

static int choose(struct arguments *arguments, enum task task, const char *output) {
        if (arguments->task != TASK_RUN && arguments->task != task)
                return show("restmarkd: error: -t, -T, --write-dataset and --write-config do not go together\n", stderr, arguments,
                            EX_USAGE);
        arguments->task = task;
        arguments->output = output;
        return EX_OK;
}

static int parse_arguments(int argc, char **argv, struct arguments *arguments) {
        enum { LONG_WRITE_DATASET = 256, LONG_WRITE_CONFIG };
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "option", required_argument, NULL, 'o' },
                { "test", no_argument, NULL, 't' },
                { "dump-config", no_argument, NULL, 'T' },
                { "write-dataset", required_argument, NULL, LONG_WRITE_DATASET },
                { "write-config", required_argument, NULL, LONG_WRITE_CONFIG },
                { "version", no_argument, NULL, 'V' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        int option, r = EX_OK;

        while (r == EX_OK && arguments->task != TASK_SHOW && (option = getopt_long(argc, argv, "c:o:tTVh", options, NULL)) != -1)
                switch (option) {
                case 'c':
                        if (arguments->config_path)
                                return show("restmarkd: error: -c is given twice\n", stderr, arguments, EX_USAGE);
                        arguments->config_path = optarg;
                        break;
                case 'o':
                        if (!strchr(optarg, '.') || !strchr(optarg, '='))
                                return show("restmarkd: error: write -o SECTION.KEY=VALUE, such as -o server.processes=4\n", stderr, arguments,
                                            EX_USAGE);
                        arguments->overrides[arguments->n_overrides++] = optarg;
                        break;
                case 't':
                        r = choose(arguments, TASK_TEST, NULL);
                        break;
                case 'T':
                        r = choose(arguments, TASK_DUMP, NULL);
                        break;
                case LONG_WRITE_DATASET:
                        r = choose(arguments, TASK_WRITE_DATASET, optarg);
                        break;
                case LONG_WRITE_CONFIG:
                        r = choose(arguments, TASK_WRITE_CONFIG, optarg);
                        break;
                case 'V':
                        return show("restmarkd " RESTMARK_VERSION "\n", stdout, arguments, EX_OK);
                case 'h':
                        return show(usage, stdout, arguments, EX_OK);
                default: /* getopt has said what is wrong */
                        return show("Try `restmarkd --help'.\n", stderr, arguments, EX_USAGE);
                }
        if (r == EX_OK && arguments->task != TASK_SHOW && optind < argc)
                return show("restmarkd: error: restmarkd takes options only; try `restmarkd --help'\n", stderr, arguments, EX_USAGE);
        return r;
}

static int write_config(const char *path) {
        FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
        struct error e;

        if (to) {
                config_write_default(to);
                if (fflush(to) == 0 && !ferror(to) && (to == stdout || fclose(to) == 0))
                        return EX_OK;
        }
        error_set_errno(&e, errno, "%s: cannot write the default configuration", path);
        return fail(EX_OSERR, &e);
}

static int dump_config(const struct config *config) {
        struct error e;

        config_dump(config, stdout);
        if (fflush(stdout) == 0 && !ferror(stdout))
                return EX_OK;
        error_set_errno(&e, errno, "cannot write the configuration");
        return fail(EX_OSERR, &e);
}

static int count_workers(struct parts *p) {
        const struct config *c = p->setup->config;
        cpu_set_t cpus;
        struct error e;

        p->n_workers = (unsigned int)c->processes;
        if (p->n_workers > 0)
                return EX_OK;
        CPU_ZERO(&cpus);
        if (sched_getaffinity(0, sizeof cpus, &cpus) < 0) {
                error_set_errno(&e, errno, "cannot count this machine's CPUs: set a number");
                return fail_option(EX_OSERR, c, OPTION_processes, &e);
        }
        p->n_workers = CPU_COUNT(&cpus) < RESTMARK_SLOTS_MAX ? (unsigned int)CPU_COUNT(&cpus) : RESTMARK_SLOTS_MAX;
        return EX_OK;
}

/* Everything that is known before anything is bound: for -t, and before a start. */
static int check(struct parts *p) {
        const struct config *c = p->setup->config;
        bool bad_group;
        struct error e;
        int r = setup_check(p->setup, &e);

        if (r != EX_OK)
                return fail(r, &e);
        r = control_resolve_path(c->control, &p->control_path, &e);
        if (r == 0 && p->control_path)
                r = control_check_path(p->control_path, &e);
        if (r < 0)
                return fail_option(EX_CONFIG, c, OPTION_control, &e);
        if (control_access_find(c->control_mode, c->control_group, &p->control_access, &bad_group, &e) < 0)
                return fail_option(EX_CONFIG, c, bad_group ? OPTION_control_group : OPTION_control_mode, &e);
        return count_workers(p);
}

static int make_dataset(struct parts *p) {
        struct error e;
        int r = setup_make_dataset(p->setup, &e);

        return r == EX_OK ? EX_OK : fail(r, &e);
}

static int write_dataset(struct parts *p, const char *path) {
        struct error e;
        int r = make_dataset(p);

        if (r == EX_OK && dataset_write(p->setup->dataset, path, &e) < 0)
                return fail(EX_OSERR, &e);
        return r;
}

static void note(const char *text) {
        log_message(LOG_INFO, "%s", text);
}

static int test(struct parts *p, const char *config_path) {
        const struct config *c = p->setup->config;
        struct error e;
        int r = make_dataset(p);

        if (r != EX_OK)
                return r;
        if (preflight_listen(&c->listen, note, &e) < 0)
                return fail_option(EX_OSERR, c, OPTION_listen, &e);
        if (p->control_path && preflight_control(p->control_path, note, &e) < 0)
                return fail_option(EX_OSERR, c, OPTION_control, &e);
        if (*c->access_log && preflight_access_log(c->access_log, &e) < 0)
                return fail_option(EX_OSERR, c, OPTION_access_log, &e);
        r = setup_budget(p->setup, p->n_workers, &e);
        if (r != EX_OK)
                return fail(r, &e);
        log_message(LOG_INFO, "%s: the configuration is good: %zu records, %u worker%s",
                    config_path ? config_path : "built-in defaults", p->setup->dataset->n_records, p->n_workers, p->n_workers == 1 ? "" : "s");
        return EX_OK;
}

/* "auto" is a convenience: a second daemon on the machine goes without, and says so. A path that was asked for is an error. */
static int open_control(struct parts *p) {
        const struct config *c = p->setup->config;
        struct error e;
        int r;

        if (!p->control_path) {
                if (strcmp(c->control, "auto") == 0)
                        log_message(LOG_NOTICE, "no control socket: there is no runtime directory for one; set [admin] control");
                return EX_OK;
        }
        r = control_open(p->control_path, &p->control_access, &p->control, &e);
        if (r == 0)
                return EX_OK;
        if (strcmp(c->control, "auto") != 0)
                return fail_option(EX_OSERR, c, OPTION_control, &e);
        log_message(LOG_WARNING, "no control socket: %s", e.text);
        return EX_OK;
}

static int open_all(struct parts *p) {
        const struct config *c = p->setup->config;
        struct error e;
        int r;

        if (supervisor_block_signals(&e) < 0)
                return fail(EX_OSERR, &e);
        r = setup_open(p->setup, p->n_workers, &e);
        if (r != EX_OK)
                return fail(r, &e);
        if (listeners_open(&c->listen, false, p->n_workers, (int)c->backlog, &p->listeners, &e) < 0)
                return fail_option(EX_OSERR, c, OPTION_listen, &e);
        if (scoreboard_new(&p->board, &e) < 0)
                return fail(EX_OSERR, &e);
        p->board->n_listen = (uint32_t)p->listeners->addresses.n;
        for (size_t i = 0; i < p->listeners->addresses.n; i++)
                listen_format(&p->listeners->addresses.at[i], p->board->listen[i]);
        return open_control(p);
}

static int run(struct parts *p) {
        int r = make_dataset(p);

        if (r != EX_OK)
                return r;
        log_open((enum log_target)p->setup->config->log_target, p->setup->config->log_level);
        r = open_all(p);
        if (r != EX_OK)
                return r;

        title_set("restmarkd: master");
        log_message(LOG_NOTICE, "restmarkd %s, %zu records, codec %s, %u worker%s", RESTMARK_VERSION, p->setup->dataset->n_records,
                    p->setup->config->codec == CODEC_TREE ? "tree" : "struct", p->n_workers, p->n_workers == 1 ? "" : "s");
        for (uint32_t i = 0; i < p->board->n_listen; i++)
                log_message(LOG_NOTICE, "listening on %s", p->board->listen[i]);
        if (p->control)
                log_message(LOG_NOTICE, "control socket %s", p->control_path);

        p->source.n_workers = p->n_workers;
        p->setup->is_kept = true; /* its configuration is needed for as long as the daemon runs, its dataset until a reload */
        const struct supervisor_options options = {
                .boot = p->setup->config,
                .generation = setup_generation(p->setup),
                .source = { .load = setup_load, .context = &p->source },
                .board = p->board,
                .listeners = p->listeners,
                .control = p->control,
                .n_workers = p->n_workers,
                .worker_main = worker_main,
        };
        r = supervisor_run(&options);
        if (r == EX_OK)
                log_message(LOG_NOTICE, "stopped");
        return r;
}

static int perform(const struct arguments *arguments, struct parts *p) {
        struct error e;
        int r;

        if (arguments->task == TASK_WRITE_CONFIG)
                return write_config(arguments->output);
        p->source = (struct setup_source){ .config_path = arguments->config_path,
                                           .overrides = arguments->overrides,
                                           .n_overrides = arguments->n_overrides };
        r = setup_new(&p->source, &p->setup, &e);
        if (r != EX_OK)
                return fail(r, &e);
        if (arguments->task == TASK_DUMP)
                return dump_config(p->setup->config);
        if (arguments->task == TASK_WRITE_DATASET)
                return write_dataset(p, arguments->output);
        r = check(p);
        if (r != EX_OK)
                return r;
        return arguments->task == TASK_TEST ? test(p, arguments->config_path) : run(p);
}

static void free_parts(struct parts *p) {
        control_free(p->control);
        free(p->control_path);
        listeners_free(p->listeners);
        scoreboard_free(p->board);
        (void)setup_free(p->setup);
}

int main(int argc, char **argv) {
        struct arguments arguments = { .task = TASK_RUN };
        struct parts parts = { 0 };
        char **own_argv = title_init(argc, argv);
        int r;

        if (fd_fill_standard() < 0)
                return EX_OSERR; /* and nowhere to say so */
        if (own_argv)
                arguments.overrides = calloc((size_t)argc, sizeof *arguments.overrides);
        if (!arguments.overrides)
                return fail(EX_OSERR, &(struct error){ "no memory to start" });
        r = parse_arguments(argc, own_argv, &arguments);
        if (arguments.task != TASK_SHOW)
                r = perform(&arguments, &parts);
        free_parts(&parts);
        free(arguments.overrides);
        return r;
}
