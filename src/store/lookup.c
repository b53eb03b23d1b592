#include "store/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STACK_BYTES = 1 << 20 }; /* of address space: modules of NSS are not modest */

struct lookup {
        _Atomic unsigned int holders; /* the thread, and who has begun it: the last one frees it */
        _Atomic bool is_done;
        int event_fd;
        struct lookup_names names;
        struct lookup_answer answer; /* the thread's until it is done */
};

bool lookup_is_needed(const char *host) {
        const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;

        if (!*host || *host == '/' || *host == '@')
                return false;
        if (getaddrinfo(host, NULL, &hints, &found) != 0)
                return true;
        freeaddrinfo(found);
        return false;
}

static void release(struct lookup *lookup) {
        if (atomic_fetch_sub(&lookup->holders, 1) > 1)
                return;
        (void)close(lookup->event_fd);
        free(lookup);
}

/* ---- the thread ---- */

static void add_address(struct lookup_answer *answer, size_t name, const struct addrinfo *one) {
        struct lookup_address *address = &answer->addresses[answer->n];

        address->name = name;
        if (getnameinfo(one->ai_addr, one->ai_addrlen, address->text, sizeof address->text, NULL, 0, NI_NUMERICHOST) == 0)
                answer->n++;
}

static void find(struct lookup *lookup, size_t name) {
        const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        struct lookup_answer *answer = &lookup->answer;
        struct addrinfo *found = NULL;
        int r = getaddrinfo(lookup->names.names[name], NULL, &hints, &found);

        if (r != 0) {
                (void)snprintf(answer->why, sizeof answer->why, "the name %s cannot be looked up: %s", lookup->names.names[name],
                               r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
                return;
        }
        for (const struct addrinfo *one = found; one && answer->n < LOOKUP_ADDRESSES_MAX; one = one->ai_next)
                add_address(answer, name, one);
        freeaddrinfo(found);
}

static void *run(void *data) {
        struct lookup *lookup = data;
        const uint64_t one = 1;

        for (size_t i = 0; i < lookup->names.n; i++)
                find(lookup, i);
        atomic_store(&lookup->is_done, true);
        (void)!write(lookup->event_fd, &one, sizeof one); /* the first one always has room */
        release(lookup);
        return NULL;
}

/* A signal is for the thread of the loop, whose handlers look at what that one is doing. */
static int start_thread(struct lookup *lookup) {
        pthread_attr_t attributes;
        sigset_t all, before;
        pthread_t thread;
        int r = pthread_attr_init(&attributes);

        if (r != 0)
                return -r;
        r = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (r == 0)
                r = pthread_attr_setstacksize(&attributes, STACK_BYTES);
        if (r == 0) {
                (void)sigfillset(&all);
                (void)pthread_sigmask(SIG_SETMASK, &all, &before);
                r = pthread_create(&thread, &attributes, run, lookup);
                (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        (void)pthread_attr_destroy(&attributes);
        return -r;
}

/* ---- the loop's ---- */

struct lookup *lookup_begin(const struct store *store, struct store_watch *watch, const struct lookup_names *names, int *ret_error) {
        struct lookup *lookup = calloc(1, sizeof *lookup);

        if (!lookup) {
                *ret_error = -ENOMEM;
                return NULL;
        }
        lookup->names = *names;
        atomic_init(&lookup->holders, 2);
        lookup->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        *ret_error = lookup->event_fd < 0 ? -errno : store_watch_fd(store, watch, lookup->event_fd, EPOLLIN);
        if (*ret_error == 0)
                *ret_error = start_thread(lookup);
        if (*ret_error == 0)
                return lookup;
        if (lookup->event_fd >= 0)
                (void)close(lookup->event_fd); /* which takes it out of the epoll set */
        free(lookup);
        return NULL;
}

const struct lookup_answer *lookup_answer(struct lookup *lookup) {
        return atomic_load(&lookup->is_done) ? &lookup->answer : NULL;
}

struct lookup *lookup_end(const struct store *store, struct lookup *lookup) {
        if (!lookup)
                return NULL;
        (void)epoll_ctl(store->epoll, EPOLL_CTL_DEL, lookup->event_fd, NULL); /* the thread may have it for a while yet */
        release(lookup);
        return NULL;
}
