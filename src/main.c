/* restmarkd: wiring. */
#include <errno.h>
#include <restmark/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "act/control.h"
#include "act/exec.h"
#include "act/handover.h"
#include "act/listener.h"
#include "act/preflight.h"
#include "act/rehearsal.h"
#include "act/trial.h"
#include "admin/admin.h"
#include "arguments.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/title.h"
#include "config/config.h"
#include "config/saved.h"
#include "master/signals.h"
#include "master/supervisor.h"
#include "parts.h"
#include "shared/scoreboard.h"
#include "worker/worker.h"

_Static_assert((int)EX_DATAERR == (int)HERITAGE_EXIT_FATAL_DATA, "workers speak the daemon's exit codes");
_Static_assert((int)EX_CONFIG == (int)HERITAGE_EXIT_FATAL_CONFIG, "workers speak the daemon's exit codes");
_Static_assert((int)EX_OSERR == (int)HERITAGE_EXIT_SYSTEM, "workers speak the daemon's exit codes");
_Static_assert((int)LISTEN_MAX == RESTMARK_LISTEN_MAX && (int)LISTEN_TEXT_MAX == RESTMARK_LISTEN_TEXT_MAX,
               "the scoreboard holds all addresses");

/* The last error, for the program that has handed over: it tells who asked for the upgrade. */
static struct error last_error;

static int fail(int exit_code, const struct error *e) {
        last_error = *e;
        log_message(LOG_ERR, "%s", e->text);
        return exit_code;
}

/* The same for the value of an option: it says where that is written. */
static int fail_option(int exit_code, const struct config *config, enum option_id id, struct error *e) {
        return fail(setup_blame(exit_code, config, id, e), e);
}

/* A program that has the daemon back goes on with the very configuration that it had. */
static int load_config(struct parts *p) {
        struct config *kept;
        struct error e;
        int r;

        if (!p->handover || !p->handover->is_return)
                r = setup_new(&p->source, &p->setup, &e);
        else if (config_load_saved((int)p->handover->config_fd, &kept, &e) < 0)
                r = EX_CONFIG;
        else
                r = setup_adopt(kept, &p->setup, &e);
        return r == EX_OK ? EX_OK : fail(r, &e);
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

/* Everything that is known before anything is bound: for -t, and before a start. */
static int check(struct parts *p) {
        const struct config *c = p->boot ? p->boot : p->setup->config; /* for what only a restart changes */
        enum option_id bad;
        bool bad_group;
        struct error e;
        int r = setup_check(p->setup, &e);

        if (r != EX_OK)
                return fail(r, &e);
        if (preflight_control(c, &p->control_path, &p->control_access, &bad, &e) < 0)
                return fail_option(EX_CONFIG, c, bad, &e);
        if (setup_find_cpus(c, &p->cpus, &e) != EX_OK)
                return fail(EX_CONFIG, &e);
        if (control_access_find(c->listen_mode, c->listen_group, &p->listen_access, &bad_group, &e) < 0)
                return fail_option(EX_CONFIG, c, bad_group ? OPTION_listen_group : OPTION_listen_mode, &e);
        if (control_access_find(c->rpc_mode, c->rpc_group, &p->rpc_access, &bad_group, &e) < 0)
                return fail_option(EX_CONFIG, c, bad_group ? OPTION_rpc_group : OPTION_rpc_mode, &e);
        return EX_OK;
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

static void ignore(const char *text) {
        (void)text;
}

static int test(struct parts *p, const char *config_path) {
        const struct config *c = p->setup->config;
        struct error e;
        int r = make_dataset(p);

        if (r != EX_OK)
                return r;
        r = setup_budget(c, p->n_workers, &e);
        if (r != EX_OK)
                return fail(r, &e);
        if (preflight_start(c, NULL, false, note, &e) < 0)
                return fail(EX_OSERR, &e);
        log_message(LOG_INFO, "%s: the configuration is good: %zu records, %u worker%s",
                    config_path ? config_path : "built-in defaults", p->setup->dataset->n_records, p->n_workers, p->n_workers == 1 ? "" : "s");
        return EX_OK;
}

static int run(struct parts *p) {
        const struct config *boot = p->boot ? p->boot : p->setup->config;
        struct error e;
        int r = make_dataset(p);

        if (r != EX_OK)
                return r;
        log_open((enum log_target)boot->log_target, p->setup->config->log_level);
        signals_take();
        r = p->handover ? parts_adopt(p, &e) : parts_open(p, &e);
        if (r != EX_OK)
                return fail(r, &e);

        title_set("restmarkd: master");
        log_message(LOG_NOTICE, "restmarkd %s, %zu records, codec %s, %u worker%s", RESTMARK_VERSION, p->setup->dataset->n_records,
                    p->setup->config->codec == CODEC_TREE ? "tree" : "struct", p->n_workers, p->n_workers == 1 ? "" : "s");
        parts_log_addresses(p);

        p->has_taken_over = true;
        p->setup->is_kept = true; /* its configuration is needed for as long as the daemon runs, its dataset until a reload */
        const struct supervisor_options options = {
                .boot = boot,
                .generation = setup_generation(p->setup),
                .source = { .load = setup_load, .budget = setup_make_room, .probe = setup_probe, .context = &p->source },
                .board = p->board,
                .listeners = p->listeners,
                .control = p->control,
                .admin = p->admin,
                .pid_file = p->pid_file,
                .cpus = &p->cpus,
                .n_workers = p->n_workers,
                .program = &p->program,
                .board_fd = p->board_fd,
                .handover = p->handover,
                .worker_main = worker_main,
        };
        r = supervisor_run(&options);
        if (r == EX_OK)
                log_message(LOG_NOTICE, "stopped");
        return r;
}

/* In the program of an upgrade that is tried out. */
static int self_test(struct parts *p) {
        struct error e;
        int r = make_dataset(p);

        if (r != EX_OK)
                return r;
        r = setup_open(p->setup, p->n_workers, &e);
        if (r != EX_OK)
                return fail(r, &e);
        if (preflight_start(p->setup->config, p->boot, p->handover->is_given, ignore, &e) < 0)
                return fail(EX_OSERR, &e);
        if (rehearse(setup_generation(p->setup), worker_main, &e) < 0)
                return fail(EX_SOFTWARE, &e);
        if (printf("%s%s\n", TRIAL_PASSED, RESTMARK_VERSION) > 0 && fflush(stdout) == 0)
                return EX_OK;
        error_set_errno(&e, errno, "cannot say that the self-test is passed");
        return fail(EX_OSERR, &e);
}

/* Reads what the program that runs has handed over, or in a self-test would hand over. */
static int receive(struct parts *p, enum task task) {
        struct error e;
        int r = handover_load(&p->handover, &e);

        if (r == 0 && task == TASK_SELF_TEST)
                r = error_set(&e, -EINVAL, "--self-test is what a running restmarkd does before an upgrade; for people there is -t");
        if (r < 0)
                return fail(EX_USAGE, &e);
        if (r == 0)
                return EX_OK;
        if (task == TASK_RUN && p->handover->pid != getpid()) {
                (void)error_set(&e, -EINVAL, "the handover is for process %d", (int)p->handover->pid);
                free(p->handover);
                p->handover = NULL;
                return fail(EX_USAGE, &e);
        }
        r = handover_check(p->handover, &e);
        if (r >= 0 && task == TASK_RUN)
                r = handover_pass(p->handover, -1, false, &e);
        if (r >= 0 && config_load_saved((int)p->handover->boot_fd, &p->boot, &e) < 0)
                r = error_prefix(&e, -EINVAL, "the configuration that the daemon was started with is not understood");
        return r < 0 ? fail(EX_CONFIG, &e) : EX_OK;
}

static int perform(const struct arguments *arguments, struct parts *p) {
        int r;

        if (arguments->task == TASK_SELF_TEST)
                signals_default();
        else if (arguments->task != TASK_RUN)
                signals_let_go();
        if (arguments->task == TASK_WRITE_CONFIG)
                return write_config(arguments->output);
        p->source = (struct setup_source){ .config_path = arguments->config_path,
                                           .overrides = arguments->overrides,
                                           .n_overrides = arguments->n_overrides };
        if (arguments->task == TASK_RUN || arguments->task == TASK_SELF_TEST) {
                r = receive(p, arguments->task);
                if (r != EX_OK)
                        return r;
        }
        if (arguments->task == TASK_RUN)
                signals_begin(p->handover == NULL);
        r = load_config(p);
        if (r != EX_OK)
                return r;
        if (arguments->task == TASK_DUMP)
                return dump_config(p->setup->config);
        if (arguments->task == TASK_WRITE_DATASET)
                return write_dataset(p, arguments->output);
        r = check(p);
        if (r != EX_OK)
                return r;
        p->n_workers = p->handover ? (unsigned int)p->handover->n_slots : p->setup->n_workers;
        if (arguments->task == TASK_TEST)
                return test(p, arguments->config_path);
        return arguments->task == TASK_SELF_TEST ? self_test(p) : run(p);
}

/* Returns only if the program that has handed over cannot be executed again. */
static int give_back(struct parts *p) {
        struct error why = last_error, e;

        return exec_refuse(p->handover, p->program.argv, why.text, &e) < 0 ? fail(EX_OSERR, &e) : EX_OK;
}

static void free_parts(struct parts *p) {
        admin_free(p->admin);
        (void)pid_file_free(p->pid_file);
        control_free(p->control);
        free(p->control_path);
        listeners_free(p->listeners);
        scoreboard_free(p->board);
        (void)fd_close(p->board_fd);
        program_release(&p->program);
        (void)setup_free(p->setup);
        (void)config_free(p->boot);
        free(p->handover);
}

int main(int argc, char **argv) {
        struct arguments arguments = { .task = TASK_RUN };
        struct parts parts = { .board_fd = -1 };
        char **own_argv;
        int r;

        signals_hold();
        own_argv = title_init(argc, argv);
        if (fd_fill_standard() < 0)
                return EX_OSERR; /* and nowhere to say so */
        if (own_argv)
                arguments.overrides = calloc((size_t)argc, sizeof *arguments.overrides);
        if (!arguments.overrides)
                return fail(EX_OSERR, &(struct error){ "no memory to start" });
        r = arguments_parse(argc, own_argv, &arguments);
        if (arguments.task != TASK_SHOW) {
                program_init(&parts.program, own_argv);
                r = perform(&arguments, &parts);
        }
        if (r != EX_OK && arguments.task == TASK_RUN && parts.handover && !parts.has_taken_over)
                (void)give_back(&parts);
        free_parts(&parts);
        free(arguments.overrides);
        return r;
}
