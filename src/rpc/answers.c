#include "rpc/answers.h"

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "rpc/message.h"

enum { PIECES_PER_SEND = 16 };

struct piece {
        struct piece *next;
        const char *bytes; /* `memory`, or somebody else's */
        char *owned;       /* to be freed with the piece; else NULL */
        size_t length, sent;
        size_t capacity;   /* of `memory` */
        char memory[];
};

static struct piece *append_piece(struct answers *o, size_t capacity) {
        struct piece *p = malloc(sizeof *p + capacity);

        if (!p)
                return NULL;
        *p = (struct piece){ .bytes = p->memory, .capacity = capacity };
        if (o->last)
                o->last->next = p;
        else
                o->first = p;
        o->last = p;
        o->pieces++;
        return p;
}

/* msgpack_packer_write: 0, or -1 for want of memory. Small answers share a piece. */
static int write_bytes(void *context, const char *bytes, size_t length) {
        struct answers *o = context;
        struct piece *p = o->last;

        if (!p || p->length + length > p->capacity)
                p = append_piece(o, length > ANSWERS_PIECE_BYTES ? length : ANSWERS_PIECE_BYTES);
        if (!p)
                return -1;
        memcpy(p->memory + p->length, bytes, length);
        p->length += length;
        o->bytes += length;
        return 0;
}

static int begin_response(msgpack_packer *packer, struct answers *o, uint32_t id) {
        msgpack_packer_init(packer, o, write_bytes);
        return msgpack_pack_array(packer, 4) < 0 || msgpack_pack_int(packer, MESSAGE_RESPONSE) < 0 || msgpack_pack_uint32(packer, id) < 0 ? -ENOMEM : 0;
}

/* A body that stays where it is. */
static int append_body(struct answers *o, const struct work_response *body) {
        struct piece *p = append_piece(o, 0);

        if (!p)
                return -ENOMEM;
        p->bytes = body->body;
        p->length = body->body_length;
        p->owned = body->body_kind == WORK_BODY_OWNED ? (char *)(uintptr_t)body->body : NULL;
        o->bytes += body->body_length;
        return 0;
}

int answers_add_result(struct answers *o, uint32_t id, const struct work_response *body) {
        bool is_kept = body->body_length >= ANSWERS_PIECE_BYTES && (body->body_kind == WORK_BODY_OWNED || body->body_kind == WORK_BODY_STATIC);
        msgpack_packer packer;
        int r = body->body_length <= UINT32_MAX ? begin_response(&packer, o, id) : -E2BIG;

        if (r == 0 && (msgpack_pack_nil(&packer) < 0 || msgpack_pack_str(&packer, body->body_length) < 0))
                r = -ENOMEM;
        if (r == 0 && is_kept)
                r = append_body(o, body);
        else if (r == 0 && body->body_length > 0 && write_bytes(o, body->body, body->body_length) < 0)
                r = -ENOMEM;
        if (body->body_kind == WORK_BODY_OWNED && (r < 0 || !is_kept))
                free((char *)(uintptr_t)body->body);
        return r;
}

int answers_add_error(struct answers *o, uint32_t id, unsigned int status, const char *text) {
        const size_t length = strlen(text);
        msgpack_packer packer;
        int r = begin_response(&packer, o, id);

        if (r == 0 && (msgpack_pack_array(&packer, 2) < 0 || msgpack_pack_unsigned_int(&packer, status) < 0 ||
                       msgpack_pack_str(&packer, length) < 0 || msgpack_pack_str_body(&packer, text, length) < 0 || msgpack_pack_nil(&packer) < 0))
                r = -ENOMEM;
        return r;
}

static void remove_first(struct answers *o) {
        struct piece *p = o->first;

        o->first = p->next;
        if (!o->first)
                o->last = NULL;
        o->pieces--;
        free(p->owned);
        free(p);
}

static void note_sent(struct answers *o, size_t n) {
        o->bytes -= n;
        o->sent += n;
        while (o->first && n >= o->first->length - o->first->sent) {
                n -= o->first->length - o->first->sent;
                remove_first(o);
        }
        if (n > 0)
                o->first->sent += n;
}

int answers_send(struct answers *o, int fd) {
        while (o->first) {
                struct iovec parts[PIECES_PER_SEND];
                struct msghdr message = { .msg_iov = parts };
                ssize_t n;

                for (struct piece *p = o->first; p && message.msg_iovlen < PIECES_PER_SEND; p = p->next)
                        parts[message.msg_iovlen++] = (struct iovec){ (char *)(uintptr_t)p->bytes + p->sent, p->length - p->sent };
                n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                note_sent(o, (size_t)n);
        }
        return 1;
}

void answers_clear(struct answers *o) {
        while (o->first)
                remove_first(o);
        o->bytes = 0;
}
