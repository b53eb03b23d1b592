/* What the files of the admin room share. */
#ifndef RESTMARK_ADMIN_ADMIN_INTERNAL_H
#define RESTMARK_ADMIN_ADMIN_INTERNAL_H

#include <microhttpd.h>

#include "admin/admin.h"
#include "base/accept_pause.h"
#include "gate/intake.h"
#include "gate/linger.h"
#include "gate/target.h"

enum { ADMIN_ANSWER_HEAD_MAX = 1024 /* bytes of any answer's head: the longest has some 700 */ };

/* One connection, which carries one request. */
struct admin_client {
        struct admin *admin;
        struct MHD_Connection *mhd; /* NULL: the entry is free */
        int fd;                     /* the library's */
        struct intake intake;
        uint64_t since_ms, deadline_ms;
        bool has_head, is_answered;
        bool linger; /* part of the input is left unread */
        char path[TARGET_PATH_MAX]; /* of the request */
};

struct admin {
        struct listen_list addresses;
        int fds[LISTEN_MAX];
        bool any_host;
        struct MHD_Daemon *mhd;
        struct intake_owner intake_owner;
        struct linger_set *linger;
        sd_event *event;
        sd_event_source *listeners[LISTEN_MAX], *library, *lingering, *timer;
        struct accept_pause pause;
        struct admin_view view;
        struct admin_client clients[ADMIN_CLIENTS_MAX];
};

/* Answers the request of `client`, which is whole. */
enum MHD_Result admin_answer(struct admin_client *client, const char *method);

#endif
