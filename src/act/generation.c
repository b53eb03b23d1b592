#include "act/generation.h"

#include <fcntl.h>
#include <stdlib.h>

#include "act/listener.h"
#include "act/log_file.h"
#include "base/fd.h"

/* Every field, as a worker has nothing else. */
struct heritage generation_heritage(const struct generation *generation, const struct heir *heir) {
        const struct config *config = generation->config;
        const struct listeners *l = heir->listeners;
        const struct cpu_list *cpus = heir->cpus;

        return (struct heritage){
                .dataset = generation->dataset,
                .codec = (int)config->codec,
                .limits = generation->limits,
                .stores = generation->stores,
                .account = generation->account,
                .access_log_fd = generation->access_log_fd,
                .traces = config->harakiri_ms > 0,
                .master_pid = generation->master_pid,
                .slot = heir->slot,
                .cell = heir->cell,
                .listeners = l ? listeners_of(l, heir->slot) : NULL,
                .n_listeners = l ? l->addresses.n : 0,
                .n_rpc_listeners = l ? l->addresses.n_rpc : 0,
                .shared_listeners = l && l->shared,
                .cpu = cpus && cpus->n > 0 ? (int)cpus->at[heir->slot % cpus->n] : -1,
                .link = heir->link,
                .private_connection = heir->private_connection,
        };
}

/* The descriptor is its own, as `of` may be opened again any time. */
static int copy_log(const struct generation *of) {
        return of->access_log_fd < 0 ? -1 : fcntl(of->access_log_fd, F_DUPFD_CLOEXEC, 0);
}

struct generation *generation_stand_in(struct generation *of, unsigned int number) {
        struct generation *generation = malloc(sizeof *generation);

        if (!generation)
                return NULL;
        *generation = *of;
        generation->number = number;
        generation->references = 1;
        generation->of = generation_ref(of);
        generation->access_log_fd = copy_log(of);
        return generation;
}

int generation_open_log(struct generation *generation, struct error *e) {
        const struct config *config = generation->config;
        char where[4200];
        int fd = -1, r;

        if (!*config->access_log)
                return 0;
        r = generation->of ? generation_open_log(generation->of, e) : log_file_open(config->access_log, &fd, e);
        if (r < 0)
                return generation->of ? r : error_prefix(e, r, "%s", config_where(config, OPTION_access_log, where, sizeof where));
        (void)fd_close(generation->access_log_fd);
        generation->access_log_fd = generation->of ? copy_log(generation->of) : fd;
        return 1;
}

struct generation *generation_unref(struct generation *generation) {
        if (!generation || --generation->references > 0)
                return NULL;
        if (!generation->of) {
                generation->release(generation->owner);
                return NULL;
        }
        (void)fd_close(generation->access_log_fd);
        (void)generation_unref(generation->of);
        free(generation);
        return NULL;
}
