#include "worker/sending.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "data/dataset.h"
#include "http/server.h"

enum { TRIES_MAX = 5 };

bool sending_may_begin(struct sending *s, int join) {
        s->is_settled = join != -EAGAIN || ++s->n_tries == TRIES_MAX;
        return s->is_settled;
}

void sending_look(struct sending *s, const struct heritage *heritage, struct server *server) {
        int r;

        if (!heritage->limits->zero_copy) {
                s->is_settled = true;
                return;
        }
        r = dataset_join_pages(heritage->dataset);
        if (!sending_may_begin(s, r))
                return;
        server_send_from_file(server);
        log_message(LOG_DEBUG, "worker %u: the JSON is sent from its file now%s%s", heritage->slot, r < 0 ? ", whose pages could not be put together: " : "",
                    r < 0 ? strerror(-r) : "");
}
