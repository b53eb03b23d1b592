/* What a master leaves to the program that it executes in its own place: which descriptor is what, and what the workers are, as text
 * in a memory file whose descriptor $RESTMARK_HANDOVER names. Text, so that two versions of the program agree on it, or find that they
 * do not before anything is lost. */
#ifndef RESTMARK_ACT_HANDOVER_H
#define RESTMARK_ACT_HANDOVER_H

#include <limits.h>
#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "act/listener.h"
#include "base/error.h"

#define HANDOVER_VARIABLE "RESTMARK_HANDOVER"

enum {
        HANDOVER_VERSION = 4, /* of this text; to be raised with every change of it, and of struct handover */
        HANDOVER_SOCKETS_MAX = RESTMARK_SLOTS_MAX * RESTMARK_LISTEN_MAX,
        HANDOVER_CHILDREN_MAX = RESTMARK_SLOTS_MAX * RESTMARK_SEATS,
        HANDOVER_CLIENTS_MAX = 64,
        HANDOVER_TEXT_MAX = 4096,
        HANDOVER_BYTES_MAX = 1 << 20, /* of the whole text */
};

/* The single numbers: NUMBER(name, least, greatest). A descriptor of -1 is none. */
#define HANDOVER_NUMBERS(NUMBER)                                                                                                   \
        NUMBER(pid, 1, INT_MAX)                 /* of the process, before and after */                                             \
        NUMBER(link_version, 0, INT_MAX)        /* of what master and workers say to each other */                                 \
        NUMBER(board_version, 0, INT_MAX)       /* of the scoreboard … */                                                          \
        NUMBER(board_bytes, 0, INT64_MAX)       /* … its size … */                                                                 \
        NUMBER(board_fd, 0, INT_MAX)            /* … and its memory */                                                             \
        NUMBER(program_fd, 0, INT_MAX)          /* the program that hands over: the way back */                                    \
        NUMBER(boot_fd, 0, INT_MAX)             /* the configuration of the daemon's start: config/saved.h */                       \
        NUMBER(config_fd, 0, INT_MAX)           /* … and of the current generation */                                              \
        NUMBER(generation, 1, UINT32_MAX)       /* the current one */                                                              \
        NUMBER(n_slots, 1, RESTMARK_SLOTS_MAX)                                                                                     \
        NUMBER(was_ready, 0, 1)                 /* all workers have been, once */                                                  \
        NUMBER(is_shared, 0, 1)                 /* the sockets of slot 0 are those of all slots */                                 \
        NUMBER(is_given, 0, 1)                  /* they are systemd's … */                                                         \
        NUMBER(is_stored, 0, 1)                 /* … or systemd has copies */                                                      \
        NUMBER(pid_fd, -1, INT_MAX)             /* the locked file with the process number */                                      \
        NUMBER(control_fd, -1, INT_MAX)                                                                                            \
        NUMBER(control_device, 0, INT64_MAX)    /* of the control socket's file … */                                               \
        NUMBER(control_inode, 0, INT64_MAX)     /* … so that only our own is removed */                                            \
        NUMBER(is_return, 0, 1)                 /* the new program could not take over: the old one has it back */

/* The single texts, of any bytes but NUL. */
#define HANDOVER_TEXTS(TEXT)                                                                                                       \
        TEXT(program)      /* the path that an upgrade executes */                                                                 \
        TEXT(from)         /* the version of the program that hands over */                                                        \
        TEXT(control_path) /* "": none */                                                                                          \
        TEXT(reason)       /* of a return */

/* A listening socket. */
struct handover_socket {
        unsigned int slot, address;
        int fd;
};

/* A seat that is not empty. */
struct handover_child {
        unsigned int slot, seat;
        enum restmark_slot_state state;
        unsigned int failures;
        uint64_t deadline_ms; /* monotonic */
        unsigned int generation;
        int pid;  /* 0: none */
        int link; /* -1: none */
        int cell; /* the memory file of the worker's cell; -1: none */
};

struct handover {
#define HANDOVER_MEMBER(name, ...) int64_t name;
        HANDOVER_NUMBERS(HANDOVER_MEMBER)
#undef HANDOVER_MEMBER
#define HANDOVER_MEMBER(name) char name[HANDOVER_TEXT_MAX];
        HANDOVER_TEXTS(HANDOVER_MEMBER)
#undef HANDOVER_MEMBER
        size_t n_sockets, n_children, n_clients, n_callers, n_admin;
        struct handover_socket sockets[HANDOVER_SOCKETS_MAX];
        struct handover_child children[HANDOVER_CHILDREN_MAX];
        int admin[LISTEN_MAX];             /* listening sockets of the admin endpoint, in their order */
        int clients[HANDOVER_CLIENTS_MAX]; /* of the control socket, who wait for the outcome … */
        int callers[HANDOVER_CLIENTS_MAX]; /* … and who have not said a whole line yet */
};

/* Writes `h` as text. In its texts a backslash and control characters below 0x20 are \HH, in hexadecimal digits. */
void handover_write(const struct handover *h, FILE *to);

/* The reverse, of `size` bytes that may be anything. Returns 0, -EPROTO for another version, -EINVAL with a sentence. */
int handover_parse(const char *text, size_t size, struct handover *ret, struct error *e);

/* The listening sockets in it, as the daemon's; the last `n_rpc` addresses are for calls. Refuses, with a sentence, what is none. They belong to *ret, on
 * success only. */
int handover_adopt_listeners(const struct handover *h, size_t n_rpc, int backlog, struct listeners **ret, struct error *e);

/* Makes the memory file of it, which exec closes until handover_pass(). */
int handover_save(const struct handover *h, int *ret_fd, struct error *e);

/* Reads the one that $RESTMARK_HANDOVER names, closes it and removes the variable. Returns 1 with *ret for the caller to free(), 0 if there
 * is none, or a negative errno value. */
int handover_load(struct handover **ret, struct error *e);

/* Whether the program that calls this can go on with what `h` describes; else -EPROTO with a sentence. */
int handover_check(const struct handover *h, struct error *e);

/* Lets exec pass on (or close again) the memory file `fd` (-1: none) and all descriptors in `h`. */
int handover_pass(const struct handover *h, int fd, bool pass, struct error *e);

#endif
