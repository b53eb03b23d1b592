#include "act/exec.h"

#include <errno.h>
#include <restmark/version.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/process.h"
#include "act/trial.h"
#include "base/fd.h"
#include "base/log.h"
#include "config/saved.h"
#include "shared/scoreboard.h"

struct exec {
        struct act *act;
        const int *admin_fds; /* listening sockets of the admin endpoint; the owner's */
        size_t n_admin_fds;
        struct trial *trial;
        struct stat tried;            /* the program that the trial is or was of */
        sd_event_source *idle;
        struct handover *predecessor; /* in the new program, until it has replaced the workers: what it was handed over; the owner's */
        struct handover *own;         /* what it hands over itself */
};

struct exec *exec_new(struct act *act, const int *admin_fds, size_t n_admin_fds) {
        struct exec *x = calloc(1, sizeof *x);

        if (!x || !(x->own = calloc(1, sizeof *x->own))) {
                free(x);
                return NULL;
        }
        x->act = act;
        x->admin_fds = admin_fds;
        x->n_admin_fds = n_admin_fds;
        return x;
}

struct exec *exec_free(struct exec *x) {
        if (!x)
                return NULL;
        (void)trial_free(x->trial);
        sd_event_source_unref(x->idle);
        free(x->own);
        free(x);
        return NULL;
}

void exec_succeed(struct exec *x, struct handover *predecessor) {
        x->predecessor = predecessor;
}

static void report(const struct exec *x, enum happening_kind kind, bool ok, const char *text) {
        happenings_push(x->act->queue, &(struct happening){ .kind = kind, .ok = ok, .text = (char *)text });
}

/* ---- what is handed over ---- */

/* In a file in memory. */
static int save_config(const struct config *config, struct error *e) {
        int fd = memfd_create("restmark-config", MFD_CLOEXEC), copy = fd < 0 ? -1 : dup(fd);
        FILE *to = copy < 0 ? NULL : fdopen(copy, "w");

        if (to) {
                config_save(config, to);
                if (fclose(to) == 0)
                        return fd;
                copy = -1;
        }
        (void)error_set_errno(e, errno, "cannot write the configuration for the new program");
        (void)fd_close(copy);
        (void)fd_close(fd);
        return -EIO;
}

static void describe_listeners(const struct listeners *l, struct handover *h) {
        unsigned int n_slots = l->shared ? 1 : l->n_slots;

        h->is_shared = l->shared;
        h->is_given = l->given;
        h->is_stored = l->stored;
        for (unsigned int i = 0; i < n_slots; i++)
                for (unsigned int a = 0; a < l->addresses.n; a++)
                        h->sockets[h->n_sockets++] = (struct handover_socket){ i, a, listeners_of(l, i)[a] };
}

static void describe_children(const struct act *act, struct handover *h) {
        for (unsigned int i = 0; i < act->fleet->n_workers; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        const struct slot *slot = &act->fleet->seats[i][seat].slot;
                        const struct process *p = process_at(act, i, seat);

                        if (slot->state != RESTMARK_SLOT_EMPTY)
                                h->children[h->n_children++] = (struct handover_child){ .slot = i,
                                                                                       .seat = seat,
                                                                                       .state = slot->state,
                                                                                       .failures = slot->failures,
                                                                                       .deadline_ms = slot->deadline_ms,
                                                                                       .generation = p->generation->number,
                                                                                       .pid = (int)p->pid,
                                                                                       .link = p->link,
                                                                                       .cell = p->cell.fd };
                }
}

static void describe_control(const struct control *control, struct handover *h) {
        struct control_state state;

        h->control_fd = -1;
        if (!control)
                return;
        state = control_describe(control);
        h->control_fd = state.fd;
        h->control_device = (int64_t)state.device;
        h->control_inode = (int64_t)state.inode;
        (void)snprintf(h->control_path, sizeof h->control_path, "%s", state.path);
        h->n_clients = control_list_waiting(control, CONTROL_TOPIC_UPGRADE, h->clients, HANDOVER_CLIENTS_MAX);
        h->n_callers = control_list_waiting(control, CONTROL_TOPIC_NONE, h->callers, HANDOVER_CLIENTS_MAX);
}

/* All but the two configurations. */
static void describe(const struct exec *x, struct handover *h) {
        const struct supervisor_options *o = x->act->options;

        memset(h, 0, sizeof *h);
        h->pid = getpid();
        h->link_version = LINK_VERSION;
        h->board_version = RESTMARK_SCOREBOARD_VERSION;
        h->board_bytes = sizeof *o->board;
        h->board_fd = o->board_fd;
        h->pid_fd = pid_file_fd(o->pid_file);
        h->program_fd = o->program->fd;
        h->generation = x->act->generation->number;
        h->n_slots = x->act->fleet->n_workers;
        h->was_ready = x->act->fleet->was_ready;
        (void)snprintf(h->program, sizeof h->program, "%s", o->program->path);
        (void)snprintf(h->from, sizeof h->from, "%s", RESTMARK_VERSION);
        describe_listeners(o->listeners, h);
        describe_control(o->control, h);
        for (size_t i = 0; i < x->n_admin_fds; i++)
                h->admin[h->n_admin++] = x->admin_fds[i];
        describe_children(x->act, h);
}

static int prepare(struct exec *x, struct error *e) {
        int boot_fd, config_fd;

        describe(x, x->own);
        boot_fd = save_config(x->act->options->boot, e);
        if (boot_fd < 0)
                return boot_fd;
        config_fd = save_config(x->act->generation->config, e);
        if (config_fd < 0) {
                (void)fd_close(boot_fd);
                return config_fd;
        }
        x->own->boot_fd = boot_fd;
        x->own->config_fd = config_fd;
        return 0;
}

static void discard(struct exec *x) {
        x->own->boot_fd = fd_close((int)x->own->boot_fd);
        x->own->config_fd = fd_close((int)x->own->config_fd);
}

/* Executes another program with `h`: the one behind `back_fd`, or if that is -1 the one at the path of the start. Returns only if it fails. */
static int execute(const struct handover *h, const struct program *program, int back_fd, struct error *e) {
        struct error ignored;
        char number[16];
        int fd, r = handover_save(h, &fd, e);

        if (r < 0)
                return r;
        (void)snprintf(number, sizeof number, "%d", fd);
        r = handover_pass(h, fd, true, e);
        if (r == 0 && setenv(HANDOVER_VARIABLE, number, 1) < 0)
                r = error_set_errno(e, errno, "cannot set $%s", HANDOVER_VARIABLE);
        if (r == 0) {
                (void)fflush(NULL);
                r = back_fd < 0 ? program_execute(program, e) : program_execute_fd(back_fd, program->argv, e);
        }
        (void)unsetenv(HANDOVER_VARIABLE);
        (void)handover_pass(h, fd, false, &ignored);
        (void)fd_close(fd);
        return r;
}

/* ---- in the program that runs ---- */

static void on_tried(void *context, const char *why, const char *version) {
        struct exec *x = context;

        report(x, HAPPENING_TRIED, why == NULL, why ? why : version);
        x->trial = trial_free(x->trial);
}

static int try(struct exec *x, struct error *e) {
        const struct program *program = x->act->options->program;
        int fd, r = program->fd < 0 ? error_set(e, -ENOENT, "without /proc the way back would not be known") : prepare(x, e);

        if (r < 0)
                return r;
        r = handover_save(x->own, &fd, e);
        if (r == 0) {
                /* Once for loading the dataset, once for the worker. */
                r = trial_new(x->act->event, program, fd, (int)x->own->boot_fd, 2 * x->act->generation->config->canary_timeout_ms, on_tried, x,
                              &x->trial, e);
                (void)fd_close(fd);
        }
        discard(x);
        return r;
}

void exec_try(struct exec *x) {
        struct error e;

        if (stat(x->act->options->program->path, &x->tried) < 0)
                x->tried = (struct stat){ 0 }; /* the trial will say why */
        if (try(x, &e) < 0)
                report(x, HAPPENING_TRIED, false, e.text);
}

void exec_end_trial(struct exec *x) {
        x->trial = trial_free(x->trial);
        x->idle = sd_event_source_unref(x->idle);
}

void exec_collect(struct exec *x) {
        trial_collect(x->trial);
}

static int on_idle(sd_event_source *source, void *context) {
        struct exec *x = context;

        (void)source;
        x->idle = sd_event_source_unref(x->idle);
        report(x, HAPPENING_IDLE, true, NULL);
        return 0;
}

void exec_await_idle(struct exec *x) {
        int r;

        if (x->idle)
                return;
        r = sd_event_add_defer(x->act->event, &x->idle, on_idle, x);
        if (r >= 0)
                r = sd_event_source_set_priority(x->idle, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                report(x, HAPPENING_STAYED, false, strerror(-r));
}

static bool is_as_tried(const struct exec *x) {
        struct stat now;

        return stat(x->act->options->program->path, &now) == 0 && now.st_dev == x->tried.st_dev && now.st_ino == x->tried.st_ino &&
               now.st_size == x->tried.st_size && now.st_mtim.tv_sec == x->tried.st_mtim.tv_sec &&
               now.st_mtim.tv_nsec == x->tried.st_mtim.tv_nsec;
}

/* Should the new program fail, this one has to load again what its workers have. */
static bool can_return(const struct exec *x, struct error *e) {
        const struct generation_source *source = &x->act->options->source;

        if (source->probe(source->context, x->act->generation->config, e) == 0)
                return true;
        (void)error_prefix(e, -EINVAL, "there would be no way back to what serves now (a reload makes the new configuration that)");
        return false;
}

void exec_execute(struct exec *x) {
        const struct program *program = x->act->options->program;
        struct error e;

        if (x->act->queue->n > 0) { /* not now: it would be lost */
                report(x, HAPPENING_AGAIN, true, NULL);
                return;
        }
        if (!is_as_tried(x)) {
                report(x, HAPPENING_OUTDATED, true, NULL);
                return;
        }
        if (can_return(x, &e) && prepare(x, &e) == 0) {
                log_message(LOG_NOTICE, "upgrade: executing %s", program->path);
                (void)execute(x->own, program, -1, &e);
                discard(x);
        }
        report(x, HAPPENING_STAYED, false, e.text);
}

/* ---- in the program that has taken over ---- */

void exec_return(struct exec *x, const char *why, bool has_more) {
        const struct handover *from = x->predecessor;
        struct handover *h = x->own;
        struct error e;

        /* What was asked for while the new program tried to serve does not outlive it, but for a reload: blocked, the signal does. */
        if (has_more && kill(getpid(), SIGHUP) < 0)
                log_message(LOG_WARNING, "the reload that was asked for is forgotten: %m");
        describe(x, h);
        h->boot_fd = from->boot_fd;
        h->config_fd = from->config_fd;
        h->is_return = 1;
        (void)snprintf(h->reason, sizeof h->reason, "%s", why);
        log_message(LOG_ERR, "upgrade: restmarkd %s cannot serve: %s; back to %s", RESTMARK_VERSION, why, from->from);
        (void)execute(h, x->act->options->program, (int)from->program_fd, &e);
        log_message(LOG_ERR, "%s; restmarkd %s goes on with the old workers", e.text, RESTMARK_VERSION);
}

void exec_keep(struct exec *x) {
        struct handover *from = x->predecessor;

        x->predecessor = NULL;
        (void)fd_close((int)from->program_fd);
        (void)fd_close((int)from->boot_fd);
        (void)fd_close((int)from->config_fd);
}

int exec_refuse(struct handover *h, char *const *argv, const char *why, struct error *e) {
        const struct program program = { .argv = argv };
        int back_fd = (int)h->program_fd;

        if (h->is_return)
                return error_set(e, -EPROTO, "restmarkd %s cannot have the daemon back: %s", RESTMARK_VERSION, why);
        h->is_return = 1;
        (void)snprintf(h->reason, sizeof h->reason, "restmarkd %s cannot take over: %s", RESTMARK_VERSION, why);
        log_message(LOG_ERR, "upgrade: %s; back to restmarkd %s", h->reason, h->from);
        return execute(h, &program, back_fd, e);
}
