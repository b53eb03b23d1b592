#include "http/question.h"

#include <stdlib.h>

void stored_drop(struct stored *s) {
        if (s->ticket.is_open)
                store_forget(s->store, &s->ticket);
        else if (s->outcome == STORE_GOOD && s->result == 0 && s->made.body_kind == WORK_BODY_OWNED)
                free((void *)s->made.body);
        s->outcome = STORE_PENDING;
}

void stored_free(struct stored *s) {
        if (!s)
                return;
        stored_drop(s);
        free(s);
}
