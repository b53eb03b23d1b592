/* Where msgpack-c's packer puts its bytes: a bounded buffer. Internal to codec/. */
#ifndef RESTMARK_CODEC_MSGPACK_BUF_H
#define RESTMARK_CODEC_MSGPACK_BUF_H

#include <stddef.h>

#include "base/buf.h"

/* The packer's write callback; `buf` is a struct buf. */
static inline int msgpack_buf_write(void *buf, const char *bytes, size_t length) {
        struct buf *b = buf;

        buf_append(b, bytes, length);
        return b->overflow ? -1 : 0;
}

#endif
