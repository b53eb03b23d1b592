#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "rpc/server_internal.h"
#include "shared/scoreboard.h"

enum { STATUS_LARGE = 413, STATUS_SHORT = 503, STATUS_BAD = 400 };

static void drop_part(struct connection *c) {
        c->server->memory->used_bytes -= c->part_capacity;
        free(c->part);
        c->part = NULL;
        c->part_length = c->part_capacity = 0;
        c->part_since_ms = 0;
}

/* ---- what comes in ---- */

static size_t message_max(const struct connection *c) {
        return c->server->parts.limits->max_header_bytes + c->server->parts.limits->limit_body_bytes;
}

static bool is_pressed(struct connection *c) {
        if (c->n_calls >= RPC_CALLS_MAX)
                return true;
        if (!answers_is_full(&c->out))
                return false;
        if (answers_send(&c->out, c->fd) < 0)
                connection_close(c, RESTMARK_CLOSE_GONE);
        return answers_is_full(&c->out);
}

/* Nothing that comes behind it can be understood. What is under way is answered; so is this, if it can be. */
static void refuse(struct connection *c, unsigned int status, const char *text, const uint8_t *bytes, size_t length) {
        uint32_t id;

        if (message_read_id(bytes, length, &id) && answers_add_error(&c->out, id, status, text) == 0)
                c->has_answered = true;
        cell_add(&c->server->parts.cell->closes[RESTMARK_CLOSE_PROTOCOL], 1);
        c->is_ending = c->is_refused = true;
}

static void refuse_scanned(struct connection *c, enum scan_verdict verdict, const uint8_t *bytes, size_t length) {
        if (verdict == SCAN_LARGE)
                refuse(c, STATUS_LARGE, "The call is larger than limit-body and max-header-size in [limits] of restmarkd.ini allow together.", bytes, length);
        else
                refuse(c, STATUS_BAD, verdict == SCAN_INVALID ? "This is no MessagePack." : "The call has more values, or more of them inside one another, than any method takes.",
                       bytes, length);
}

/* Takes whole messages. Returns how many bytes are used. */
static size_t take_messages(struct connection *c, const char *bytes, size_t length) {
        size_t used = 0;

        while (used < length && !c->is_closed && !c->is_refused && !is_pressed(c)) {
                const uint8_t *at = (const uint8_t *)bytes + used;
                enum scan_verdict verdict = scan_run(&c->scan, at, length - used, message_max(c));

                if (verdict == SCAN_MORE)
                        break;
                if (verdict != SCAN_WHOLE)
                        refuse_scanned(c, verdict, at, length - used);
                else if (!call_take(c, bytes + used, c->scan.at))
                        refuse(c, STATUS_BAD, "This is no call.", at, 0);
                used += verdict == SCAN_WHOLE ? c->scan.at : 0;
                scan_begin(&c->scan);
        }
        return c->is_refused || c->is_closed ? length : used;
}

/* Room for `length` bytes in the part. */
static bool grow_part(struct connection *c, size_t length) {
        struct rpc_server *server = c->server;
        size_t capacity = c->part_capacity > 0 ? c->part_capacity : 256;
        char *grown;

        if (length <= c->part_capacity)
                return true;
        while (capacity < length)
                capacity *= 2;
        if (server->memory->used_bytes - c->part_capacity + capacity > server->memory->max_bytes)
                return false;
        grown = realloc(c->part, capacity);
        if (!grown)
                return false;
        server->memory->used_bytes += capacity - c->part_capacity;
        c->part = grown;
        c->part_capacity = capacity;
        return true;
}

static void append_part(struct connection *c, const char *bytes, size_t length) {
        if (length == 0)
                return;
        if (!grow_part(c, c->part_length + length)) {
                refuse(c, STATUS_SHORT, "There is no memory left for this call now.", (const uint8_t *)(c->part_length > 0 ? c->part : bytes),
                       c->part_length > 0 ? c->part_length : length);
                return;
        }
        memcpy(c->part + c->part_length, bytes, length);
        c->part_length += length;
}

/* Uses what it can of the part. */
static void take_part(struct connection *c) {
        size_t used = take_messages(c, c->part, c->part_length);

        if (used > 0) {
                c->part_length -= used;
                memmove(c->part, c->part + used, c->part_length);
                c->part_since_ms = c->server->now_ms; /* of another message */
        }
        if (c->part_length == 0)
                drop_part(c);
}

static void take_input(struct connection *c, const char *bytes, size_t length) {
        if (c->part_length > 0) {
                append_part(c, bytes, length);
                take_part(c);
        } else {
                size_t used = take_messages(c, bytes, length);

                append_part(c, bytes + used, length - used);
        }
        if (c->part_length > 0 && c->part_since_ms == 0)
                c->part_since_ms = c->server->now_ms;
}

/* One read. Returns how many bytes came. */
static size_t read_once(struct connection *c) {
        struct rpc_server *server = c->server;
        ssize_t n;

        do
                n = read(c->fd, server->input, RPC_READ_BYTES);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                take_input(c, server->input, (size_t)n);
        else if (n == 0)
                c->has_ended = true;
        else if (errno != EAGAIN)
                connection_close(c, RESTMARK_CLOSE_GONE);
        return n > 0 ? (size_t)n : 0;
}

/* In a drain all that has come by now, and not what a client who never ends sends meanwhile; else a bounded number of bytes. */
void stream_read(struct connection *c) {
        const bool is_draining = c->server->is_draining;
        size_t taken = 0, n;
        int waiting = 0;

        if (is_draining)
                (void)ioctl(c->fd, FIONREAD, &waiting); /* which does not fail for a socket */
        do {
                n = c->is_closed || c->is_ending || c->has_ended || is_pressed(c) ? 0 : read_once(c);
                taken += n;
        } while (n > 0 && taken < (size_t)waiting);
        if (is_draining && (taken > 0 || !connection_is_idle(c)))
                c->is_ending = true;
        c->idle_since_ms = c->server->now_ms;
        connection_touch(c);
}

void stream_free(struct connection *c) {
        struct rpc_server *server = c->server;

        calls_abort(c);
        ring_remove(server, c);
        if (c->next)
                c->next->previous = c->previous;
        if (c->previous)
                c->previous->next = c->next;
        else
                server->connections = c->next;
        drop_part(c);
        answers_clear(&c->out);
        free(c->address);
        free(c);
}

/* ---- what is next ---- */

static uint64_t earlier(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

static uint64_t find_deadline(const struct connection *c) {
        const struct server_limits *limits = c->server->parts.limits;
        uint64_t due_ms = UINT64_MAX;

        if (connection_is_idle(c))
                return c->idle_since_ms + (c->server->is_draining ? RPC_DRAIN_IDLE_MS : limits->idle_timeout_ms);
        if (c->out.bytes > 0)
                due_ms = earlier(due_ms, c->out_since_ms + limits->request_timeout_ms);
        if (c->part_since_ms > 0 && c->n_calls < RPC_CALLS_MAX && !answers_is_full(&c->out))
                due_ms = earlier(due_ms, c->part_since_ms + limits->request_timeout_ms);
        if (c->dear.first)
                due_ms = earlier(due_ms, c->dear.first->started_ns / 1000000 + limits->request_timeout_ms);
        return due_ms;
}

/* A client that takes its answers slowly has the time for those that are there now, and then again. */
static void mark_output(struct connection *c) {
        if (c->out.bytes == 0)
                c->out_since_ms = 0;
        else if (c->out_since_ms == 0 || c->out.sent >= c->out_mark) {
                c->out_since_ms = c->server->now_ms;
                c->out_mark = c->out.sent + c->out.bytes;
        }
}

static void watch(struct connection *c) {
        uint32_t wanted = c->has_ended || c->is_ending || is_pressed(c) ? 0 : EPOLLIN;
        struct epoll_event event = { .data.ptr = c };

        if (c->out.bytes > 0)
                wanted |= EPOLLOUT;
        if (c->is_closed || wanted == c->events)
                return;
        if ((wanted & ~c->events & EPOLLIN) != 0 && c->part_length > 0)
                c->part_since_ms = c->server->now_ms; /* until now it was not the client who kept it from being whole */
        event.events = wanted;
        if (epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->fd, &event) < 0)
                connection_close(c, RESTMARK_CLOSE_GONE);
        c->events = wanted;
}

/* Nothing is left to do for it. */
static bool is_over(const struct connection *c) {
        return (c->has_ended || c->is_ending) && c->n_calls == 0 && c->out.bytes == 0;
}

void stream_settle(struct connection *c) {
        bool was_idle = connection_is_idle(c);

        /* Sending may make room for calls that are kept, and these answers have to be sent. */
        for (size_t left = SIZE_MAX; !c->is_closed;) {
                if (answers_send(&c->out, c->fd) < 0)
                        connection_close(c, RESTMARK_CLOSE_GONE);
                if (c->is_closed || c->part_length == 0 || c->part_length >= left || is_pressed(c))
                        break;
                left = c->part_length;
                take_part(c);
        }
        if (c->is_closed)
                return;
        if (is_over(c)) {
                connection_close(c, c->has_ended && c->part_length > 0 ? RESTMARK_CLOSE_GONE : RESTMARK_CLOSE_COUNT);
                return;
        }
        if (!was_idle && connection_is_idle(c))
                c->idle_since_ms = c->server->now_ms;
        mark_output(c);
        watch(c);
        c->deadline_ms = find_deadline(c);
        c->server->next_deadline_ms = earlier(c->server->next_deadline_ms, c->deadline_ms);
}
