/* What the files of the admin room share. */
#ifndef RESTMARK_ADMIN_ADMIN_INTERNAL_H
#define RESTMARK_ADMIN_ADMIN_INTERNAL_H

#include <microhttpd.h>

#include "admin/admin.h"

/* One connection, which carries one request. */
struct admin_client {
        struct admin *admin;
        struct MHD_Connection *mhd; /* NULL: the entry is free */
        int fd;                     /* the library's */
        uint64_t since_ms, deadline_ms;
        bool has_head, is_answered;
        uint64_t body_bytes;
};

struct admin {
        struct listen_list addresses;
        int fds[LISTEN_MAX];
        bool any_host;
        struct MHD_Daemon *mhd;
        sd_event *event;
        sd_event_source *listeners[LISTEN_MAX], *library, *timer;
        struct admin_view view;
        struct admin_client clients[ADMIN_CLIENTS_MAX];
};

/* Answers the request of `client`, whose body has come to its end. */
enum MHD_Result admin_answer(struct admin_client *client, const char *path, const char *method);

#endif
