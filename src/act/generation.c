#include "act/generation.h"

#include "act/listener.h"

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
