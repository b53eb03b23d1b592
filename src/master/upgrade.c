#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <restmark/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "config/saved.h"
#include "master/bulletin.h"
#include "master/supervisor_internal.h"
#include "master/trial.h"
#include "shared/scoreboard.h"

struct upgrade {
        struct supervisor *s;
        uint64_t wanted, number;      /* the newest that was asked for; the one that is on its way or was last */
        sd_event_source *begin;       /* from the loop, when who asked for it has its ticket */
        struct trial *trial;
        struct stat tried;            /* the program that the trial is or was of */
        bool passed;                  /* the trial; what is left is to wait until no worker is being replaced */
        sd_event_source *leave;
        struct handover *predecessor; /* in the new program, until it has replaced the workers: what it was handed over */
        struct handover *own;         /* what it hands over itself */
};

static void schedule(struct upgrade *u);

struct upgrade *upgrade_new(struct supervisor *s) {
        struct upgrade *u = calloc(1, sizeof *u);

        if (!u || !(u->own = calloc(1, sizeof *u->own))) {
                free(u);
                return NULL;
        }
        u->s = s;
        return u;
}

struct upgrade *upgrade_free(struct upgrade *u) {
        if (!u)
                return NULL;
        (void)trial_free(u->trial);
        sd_event_source_unref(u->begin);
        sd_event_source_unref(u->leave);
        free(u->own);
        free(u);
        return NULL;
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

static void describe_children(struct supervisor *s, struct handover *h) {
        for (unsigned int i = 0; i < s->n_workers; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++) {
                        const struct child *c = &s->children[i][seat];

                        if (c->slot.state != RESTMARK_SLOT_EMPTY)
                                h->children[h->n_children++] = (struct handover_child){ .slot = i,
                                                                                       .seat = seat,
                                                                                       .state = c->slot.state,
                                                                                       .failures = c->slot.failures,
                                                                                       .deadline_ms = c->slot.deadline_ms,
                                                                                       .generation = c->generation->number,
                                                                                       .pid = (int)c->pid,
                                                                                       .link = c->link,
                                                                                       .cell = c->cell.fd };
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

static void describe_admin(const struct admin *admin, struct handover *h) {
        for (size_t i = 0; admin && i < admin_addresses(admin)->n; i++)
                h->admin[h->n_admin++] = admin_fds(admin)[i];
}

/* All but the two configurations. */
static void describe(struct supervisor *s, struct handover *h) {
        const struct supervisor_options *o = s->options;

        memset(h, 0, sizeof *h);
        h->pid = getpid();
        h->link_version = LINK_VERSION;
        h->board_version = RESTMARK_SCOREBOARD_VERSION;
        h->board_bytes = sizeof *o->board;
        h->board_fd = o->board_fd;
        h->program_fd = o->program->fd;
        h->generation = s->generation->number;
        h->n_slots = s->n_workers;
        h->was_ready = s->was_ready;
        (void)snprintf(h->program, sizeof h->program, "%s", o->program->path);
        (void)snprintf(h->from, sizeof h->from, "%s", RESTMARK_VERSION);
        describe_listeners(o->listeners, h);
        describe_control(o->control, h);
        describe_admin(o->admin, h);
        describe_children(s, h);
}

static int prepare(struct upgrade *u, struct error *e) {
        int boot_fd, config_fd;

        describe(u->s, u->own);
        boot_fd = save_config(u->s->options->boot, e);
        if (boot_fd < 0)
                return boot_fd;
        config_fd = save_config(u->s->generation->config, e);
        if (config_fd < 0) {
                (void)fd_close(boot_fd);
                return config_fd;
        }
        u->own->boot_fd = boot_fd;
        u->own->config_fd = config_fd;
        return 0;
}

static void discard(struct upgrade *u) {
        u->own->boot_fd = fd_close((int)u->own->boot_fd);
        u->own->config_fd = fd_close((int)u->own->config_fd);
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

static void end(struct upgrade *u, bool ok, const char *reply) {
        u->passed = false;
        u->leave = sd_event_source_unref(u->leave);
        u->trial = trial_free(u->trial);
        if (u->s->options->control)
                control_finish(u->s->options->control, (struct control_ticket){ CONTROL_TOPIC_UPGRADE, u->number }, ok, reply);
        if (u->wanted > u->number)
                schedule(u);
}

static void fail(struct upgrade *u, const char *why) {
        unsigned int generation = u->s->generation->number;
        char reply[1024];

        (void)snprintf(reply, sizeof reply, "%s\nnothing has changed: restmarkd %s and generation %u go on", why, RESTMARK_VERSION, generation);
        log_message(LOG_ERR, "upgrade failed: %s; restmarkd %s and generation %u go on", why, RESTMARK_VERSION, generation);
        events_add(u->s->events, EVENT_UPGRADE_FAILED, -1, "%s; restmarkd %s and generation %u go on", why, RESTMARK_VERSION, generation);
        end(u, false, reply);
}

bool upgrade_waits(const struct upgrade *u) {
        return u->passed;
}

/* Whether every slot has what a new program can go on with: one worker that starts, serves or waits to be started again. */
static bool is_quiet(struct supervisor *s) {
        if (s->stopping || reload_runs(s->reload) || resize_runs(s->resize) || replace_wants(s->replace, RESTMARK_CAUSE_DRAIN) ||
            relay_holds(s->relay) || s->n_slots != s->n_workers)
                return false;
        for (unsigned int i = 0; i < s->n_workers; i++) {
                enum restmark_slot_state state = child_primary(s, i)->slot.state;

                if (child_beside(s, i)->slot.state != RESTMARK_SLOT_EMPTY ||
                    (state != RESTMARK_SLOT_STARTING && state != RESTMARK_SLOT_READY && state != RESTMARK_SLOT_BACKOFF))
                        return false;
        }
        return true;
}

/* Waiting may have taken long, and a newer program may have been installed meanwhile: that has to pass the self-test, too. */
static bool is_as_tried(const struct upgrade *u) {
        struct stat now;

        return stat(u->s->options->program->path, &now) == 0 && now.st_dev == u->tried.st_dev && now.st_ino == u->tried.st_ino &&
               now.st_size == u->tried.st_size && now.st_mtim.tv_sec == u->tried.st_mtim.tv_sec &&
               now.st_mtim.tv_nsec == u->tried.st_mtim.tv_nsec;
}

/* Should the new program fail, this one has to load again what its workers have. */
static bool can_return(const struct supervisor *s, struct error *e) {
        const struct generation_source *source = &s->options->source;

        if (source->probe(source->context, s->generation->config, e) == 0)
                return true;
        (void)error_prefix(e, -EINVAL, "there would be no way back to what serves now (a reload makes the new configuration that)");
        return false;
}

/* The last thing of this turn of the loop: no signal or message may have been read that is not yet acted upon, as it would be lost. */
static int on_leave(sd_event_source *source, void *context) {
        struct upgrade *u = context;
        struct error e;

        (void)source;
        u->leave = sd_event_source_unref(u->leave);
        if (!is_quiet(u->s))
                return 0;
        if (!is_as_tried(u)) {
                log_message(LOG_NOTICE, "upgrade: %s is not the program any more that passed its self-test; trying again",
                            u->s->options->program->path);
                u->passed = false;
                schedule(u);
                return 0;
        }
        if (can_return(u->s, &e) && prepare(u, &e) == 0) {
                log_message(LOG_NOTICE, "upgrade: executing %s", u->s->options->program->path);
                (void)execute(u->own, u->s->options->program, -1, &e);
                discard(u);
        }
        fail(u, e.text);
        return 0;
}

void upgrade_on_change(struct upgrade *u) {
        int r;

        if (!u->passed || u->leave || !is_quiet(u->s))
                return;
        r = sd_event_add_defer(u->s->event, &u->leave, on_leave, u);
        if (r >= 0)
                r = sd_event_source_set_priority(u->leave, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                fail(u, strerror(-r));
}

static void on_tried(void *context, const char *why, const char *version) {
        struct upgrade *u = context;
        char text[640];

        (void)snprintf(text, sizeof text, "%s", why ? why : version);
        u->trial = trial_free(u->trial);
        if (why) {
                fail(u, text);
                return;
        }
        log_message(LOG_NOTICE, "upgrade: restmarkd %s passes its self-test", text);
        u->passed = true;
        upgrade_on_change(u);
        if (!u->leave && u->passed)
                log_message(LOG_NOTICE, "upgrade: waiting until no worker is being replaced");
}

static int begin(sd_event_source *source, void *context) {
        struct upgrade *u = context;
        struct supervisor *s = u->s;
        struct error e;
        int fd, r;

        (void)source;
        u->begin = sd_event_source_unref(u->begin);
        if (s->stopping)
                return 0;
        u->number = u->wanted;
        events_add(s->events, EVENT_UPGRADE, -1, "trying %s", s->options->program->path);
        if (stat(s->options->program->path, &u->tried) < 0)
                u->tried = (struct stat){ 0 }; /* the trial will say why */
        r = s->options->program->fd < 0 ? error_set(&e, -ENOENT, "without /proc the way back would not be known") : prepare(u, &e);
        if (r == 0) {
                r = handover_save(u->own, &fd, &e);
                if (r == 0) {
                        /* Once for loading the dataset, once for the worker. */
                        r = trial_new(s->event, s->options->program, fd, (int)u->own->boot_fd, 2 * s->generation->config->canary_timeout_ms,
                                      on_tried, u, &u->trial, &e);
                        (void)fd_close(fd);
                }
                discard(u);
        }
        if (r < 0)
                fail(u, e.text);
        return 0;
}

static void schedule(struct upgrade *u) {
        if (!u->begin && sd_event_add_defer(u->s->event, &u->begin, begin, u) < 0) {
                u->number = u->wanted;
                fail(u, "there is no memory to begin");
        }
}

uint64_t upgrade_request(struct upgrade *u) {
        if (u->begin)
                return u->wanted;
        if (u->trial || u->passed) /* what it would do is being done */
                return u->number;
        u->wanted++;
        if (u->predecessor)
                log_message(LOG_NOTICE, "an upgrade is under way; this one follows it");
        else
                schedule(u);
        return u->wanted;
}

void upgrade_collect(struct upgrade *u) {
        trial_collect(u->trial);
}

void upgrade_abandon(struct upgrade *u) {
        u->passed = false;
        u->trial = trial_free(u->trial);
        u->begin = sd_event_source_unref(u->begin);
        u->leave = sd_event_source_unref(u->leave);
        if (u->s->options->control)
                control_finish(u->s->options->control, (struct control_ticket){ CONTROL_TOPIC_UPGRADE, u->wanted }, false, "the daemon stops");
}

/* ---- in the program that has taken over ---- */

/* What workers of another program have in place of their generation. One that dies before it is replaced comes back from the new program,
 * which serves as they did. */
struct stand_in {
        struct generation generation;
        struct generation *of;
};

static void free_stand_in(struct generation *generation) {
        struct stand_in *stand_in = (struct stand_in *)(void *)generation; /* its first member */

        (void)fd_close(generation->access_log_fd);
        (void)generation_unref(stand_in->of);
        free(stand_in);
}

/* The descriptor is its own, as `of` may be opened again any time. */
static void take_access_log(struct stand_in *stand_in) {
        int *fd = &stand_in->generation.access_log_fd, from = stand_in->of->access_log_fd;

        *fd = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 0);
}

static int reopen_stand_in(struct generation *generation, struct error *e) {
        struct stand_in *stand_in = (struct stand_in *)(void *)generation;
        int r = stand_in->of->reopen(stand_in->of, e);

        if (r <= 0)
                return r;
        (void)fd_close(generation->access_log_fd);
        take_access_log(stand_in);
        return 1;
}

static struct generation *make_stand_in(struct generation *of, unsigned int number) {
        struct stand_in *stand_in = malloc(sizeof *stand_in);

        if (!stand_in)
                return NULL;
        stand_in->generation = *of;
        stand_in->generation.number = number;
        stand_in->generation.references = 1;
        stand_in->generation.reopen = reopen_stand_in;
        stand_in->generation.free = free_stand_in;
        stand_in->of = generation_ref(of);
        take_access_log(stand_in);
        return &stand_in->generation;
}

static int adopt_children(struct supervisor *s, const struct handover *h, struct generation *of, struct error *e) {
        for (size_t i = 0; i < h->n_children; i++) {
                const struct handover_child *from = &h->children[i];
                struct generation *generation;
                int r;

                if (from->slot >= s->n_workers || from->seat != child_primary(s, from->slot)->seat)
                        return error_set(e, -EPROTO, "the handover names a worker without a place");
                generation = make_stand_in(of, from->generation);
                if (!generation)
                        return error_set_errno(e, ENOMEM, "cannot take over the workers");
                r = child_adopt(&s->children[from->slot][from->seat], from, generation, e);
                (void)generation_unref(generation);
                if (r < 0)
                        return r;
        }
        for (unsigned int i = 0; i < s->n_workers; i++)
                if (child_primary(s, i)->slot.state == RESTMARK_SLOT_EMPTY)
                        return error_set(e, -EPROTO, "the handover names no worker for slot %u", i);
        return 0;
}

int upgrade_adopt(struct upgrade *u, struct handover *h, struct error *e) {
        struct supervisor *s = u->s;
        struct generation *next = s->generation;
        struct control *control = s->options->control;
        int r = adopt_children(s, h, next, e);

        if (r < 0)
                return r;
        s->was_ready = h->was_ready;
        u->number = u->wanted = 1;
        for (size_t i = 0; control && i < h->n_clients; i++)
                control_adopt_waiting(control, h->clients[i], (struct control_ticket){ CONTROL_TOPIC_UPGRADE, u->number });
        for (size_t i = 0; control && i < h->n_callers; i++)
                control_adopt_waiting(control, h->callers[i], (struct control_ticket){ 0 });
        if (h->is_return) {
                next->number = (unsigned int)h->generation;
                (void)prctl(PR_SET_NAME, "restmarkd"); /* executed by descriptor, it has the number of that as its name */
                fail(u, h->reason);
                if (s->was_ready)
                        bulletin_ready(s->bulletin); /* the other program has told systemd that it reloads */
                return 0;
        }
        s->generation = make_stand_in(next, (unsigned int)h->generation);
        if (!s->generation) {
                s->generation = next;
                return error_set_errno(e, ENOMEM, "cannot take over the workers");
        }
        log_message(LOG_NOTICE, "upgrade: restmarkd %s has taken over from %s; replacing the workers", RESTMARK_VERSION, h->from);
        events_add(s->events, EVENT_UPGRADE, -1, "restmarkd %s has taken over from %s", RESTMARK_VERSION, h->from);
        u->predecessor = h;
        reload_upgrade(s->reload, next);
        return 0;
}

void upgrade_return(struct upgrade *u, const char *why) {
        struct handover *h = u->own;
        struct error e;

        /* What was asked for while the new program tried to serve does not outlive it, but for a reload: blocked, the signal does. */
        if (reload_has_more(u->s->reload) && kill(getpid(), SIGHUP) < 0)
                log_message(LOG_WARNING, "the reload that was asked for is forgotten: %m");
        describe(u->s, h);
        h->boot_fd = u->predecessor->boot_fd;
        h->config_fd = u->predecessor->config_fd;
        h->is_return = 1;
        (void)snprintf(h->reason, sizeof h->reason, "%s", why);
        log_message(LOG_ERR, "upgrade: restmarkd %s cannot serve: %s; back to %s", RESTMARK_VERSION, why, u->predecessor->from);
        (void)execute(h, u->s->options->program, (int)u->predecessor->program_fd, &e);
        log_message(LOG_ERR, "%s; restmarkd %s goes on with the old workers", e.text, RESTMARK_VERSION);
}

void upgrade_finish(struct upgrade *u, bool ok, const char *reply) {
        struct handover *h = u->predecessor;
        char text[1200];

        u->predecessor = NULL;
        (void)fd_close((int)h->program_fd);
        (void)fd_close((int)h->boot_fd);
        (void)fd_close((int)h->config_fd);
        (void)snprintf(text, sizeof text, "restmarkd %s has taken over from %.100s\n%s", RESTMARK_VERSION, h->from, reply);
        end(u, ok, text);
}

int upgrade_refuse(struct handover *h, char *const *argv, const char *why, struct error *e) {
        const struct program program = { .argv = argv };
        int back_fd = (int)h->program_fd;

        if (h->is_return)
                return error_set(e, -EPROTO, "restmarkd %s cannot have the daemon back: %s", RESTMARK_VERSION, why);
        h->is_return = 1;
        (void)snprintf(h->reason, sizeof h->reason, "restmarkd %s cannot take over: %s", RESTMARK_VERSION, why);
        log_message(LOG_ERR, "upgrade: %s; back to restmarkd %s", h->reason, h->from);
        return execute(h, &program, back_fd, e);
}
