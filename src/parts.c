#include "parts.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "act/inherit.h"
#include "act/store.h"
#include "base/fd.h"
#include "base/log.h"
#include "shared/scoreboard.h"

/* "auto" is a convenience: a second daemon on the machine goes without, and says so. A path that was asked for is an error. */
static int open_control(struct parts *p, struct error *e) {
        const struct config *c = p->setup->config;
        int r;

        if (!p->control_path) {
                if (strcmp(c->control, "auto") == 0)
                        log_message(LOG_NOTICE, "no control socket: there is no runtime directory for one; set [admin] control");
                return EX_OK;
        }
        r = control_open(p->control_path, &p->control_access, &p->control, e);
        if (r == 0)
                return EX_OK;
        if (strcmp(c->control, "auto") != 0)
                return setup_blame(EX_OSERR, c, OPTION_control, e);
        log_message(LOG_WARNING, "no control socket: %s", e->text);
        return EX_OK;
}

static int open_admin(struct parts *p, struct error *e) {
        const struct config *c = p->setup->config;
        int fds[LISTEN_MAX], r = 0;
        size_t n = 0;

        for (; r == 0 && n < c->admin_listen.n; n += r == 0) {
                struct listen_address address = c->admin_listen.at[n];

                r = listener_open_one(&address, ADMIN_CLIENTS_MAX, &fds[n], e);
        }
        if (r == 0 && n > 0)
                r = admin_new(fds, n, c->admin_allow_remote, &p->admin, e);
        while (r < 0 && n > 0)
                (void)fd_close(fds[--n]);
        return r;
}

/* The files of Unix sockets have their mode and group from the moment when somebody answers there. */
static int admit_clients(const struct parts *p, struct error *e) {
        const struct listen_list *list = &p->listeners->addresses;

        for (size_t i = 0; !p->listeners->given && i < list->n; i++) {
                const bool calls = i >= list->n - list->n_rpc;
                const struct control_access *access = calls ? &p->rpc_access : &p->listen_access;

                if (!listen_is_local(&list->at[i]) || control_access_apply(access, list->at[i].socket.local.sun_path, e) == 0)
                        continue;
                if (access->has_group)
                        return setup_blame(EX_OSERR, p->setup->config, calls ? OPTION_rpc_group : OPTION_listen_group, e);
                return setup_blame(EX_OSERR, p->setup->config, calls ? OPTION_rpc_mode : OPTION_listen_mode, e);
        }
        return EX_OK;
}

static int open_listeners(struct parts *p, struct error *e) {
        const struct config *c = p->setup->config;
        struct listen_list all;

        if (listen_join(&c->listen, &c->rpc_listen, &all, e) < 0)
                return setup_blame(EX_CONFIG, c, OPTION_rpc_listen, e);
        if (inherit_listeners(&all, c->balance == BALANCE_SHARED, p->n_workers, (int)c->backlog, &p->listeners, e) < 0)
                return setup_blame(EX_OSERR, c, c->rpc_listen.n > 0 && c->origin[OPTION_rpc_listen] ? OPTION_rpc_listen : OPTION_listen, e);
        return admit_clients(p, e);
}

int parts_open(struct parts *p, struct error *e) {
        const struct config *c = p->setup->config;
        int r;

        r = setup_open(p->setup, p->n_workers, e);
        if (r != EX_OK)
                return r;
        if (*c->pid_file && pid_file_open(c->pid_file, &p->pid_file, e) < 0)
                return setup_blame(EX_OSERR, c, OPTION_pid_file, e);
        r = open_listeners(p, e);
        if (r != EX_OK)
                return r;
        if (!p->listeners->given && store_exists())
                listeners_store(p->listeners);
        if (scoreboard_new(&p->board, &p->board_fd, e) < 0)
                return EX_OSERR;
        p->board->n_listen = (uint32_t)p->listeners->addresses.n;
        for (size_t i = 0; i < p->listeners->addresses.n; i++)
                listen_format(&p->listeners->addresses.at[i], p->board->listen[i]);
        if (open_admin(p, e) < 0)
                return setup_blame(EX_OSERR, c, OPTION_admin_listen, e);
        return open_control(p, e);
}

int parts_adopt(struct parts *p, struct error *e) {
        const struct handover *h = p->handover;
        const struct control_state control = { .fd = (int)h->control_fd,
                                               .path = h->control_path,
                                               .device = (uint64_t)h->control_device,
                                               .inode = (uint64_t)h->control_inode };
        int r;

        (void)snprintf(p->program.path, sizeof p->program.path, "%s", h->program);
        r = setup_open(p->setup, p->n_workers, e);
        if (r != EX_OK)
                return r;
        if (handover_adopt_listeners(h, p->boot->rpc_listen.n, (int)p->boot->backlog, &p->listeners, e) < 0)
                return EX_OSERR;
        p->board_fd = (int)h->board_fd;
        if (scoreboard_adopt(p->board_fd, &p->board, e) < 0)
                return EX_OSERR;
        if (h->pid_fd >= 0 && pid_file_adopt(p->boot->pid_file, (int)h->pid_fd, &p->pid_file, e) < 0)
                return EX_OSERR;
        if (h->control_fd >= 0 && control_adopt(&control, &p->control_access, &p->control, e) < 0)
                return EX_OSERR;
        if (h->n_admin > 0 && admin_new(h->admin, h->n_admin, p->boot->admin_allow_remote, &p->admin, e) < 0)
                return EX_OSERR;
        return EX_OK;
}

void parts_log_addresses(const struct parts *p) {
        char text[LISTEN_TEXT_MAX];

        for (uint32_t i = 0; i < p->board->n_listen; i++)
                log_message(LOG_NOTICE, "listening on %s%s", p->board->listen[i], i < p->board->n_listen - p->listeners->addresses.n_rpc ? "" : " for calls");
        if (p->control)
                log_message(LOG_NOTICE, "control socket %s", p->control_path);
        for (size_t i = 0; p->admin && i < admin_addresses(p->admin)->n; i++)
                log_message(LOG_NOTICE, "admin endpoint http://%s/", listen_format(&admin_addresses(p->admin)->at[i], text));
}
