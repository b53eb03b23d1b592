#include "rpc/message.h"

#include <errno.h>

/* msgpack_unpack() is called obsolete in the library's header, but is there in all versions, and nothing else unpacks into a zone of the caller's. */
static int unpack(const char *bytes, size_t length, msgpack_zone *zone, msgpack_object *ret) {
        size_t offset = 0;

        msgpack_zone_clear(zone);
        switch (msgpack_unpack(bytes, length, &offset, zone, ret)) {
        case MSGPACK_UNPACK_SUCCESS:
        case MSGPACK_UNPACK_EXTRA_BYTES:
                return offset == length ? 0 : -EPROTO;
        case MSGPACK_UNPACK_NOMEM_ERROR:
                return -ENOMEM;
        default:
                return -EPROTO;
        }
}

int message_read(const char *bytes, size_t length, msgpack_zone *zone, struct message *ret) {
        const msgpack_object *items, *method;
        msgpack_object whole;
        uint64_t type;
        int r = unpack(bytes, length, zone, &whole);

        if (r < 0)
                return r;
        if (whole.type != MSGPACK_OBJECT_ARRAY || whole.via.array.size < 3 || whole.via.array.ptr[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
                return -EPROTO;
        items = whole.via.array.ptr;
        type = items[0].via.u64;
        if ((type != MESSAGE_REQUEST || whole.via.array.size != 4) && (type != MESSAGE_NOTIFICATION || whole.via.array.size != 3))
                return -EPROTO;
        *ret = (struct message){ .type = (enum message_type)type };
        if (type == MESSAGE_REQUEST && (items[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER || items[1].via.u64 > UINT32_MAX))
                return -EPROTO;
        if (type == MESSAGE_REQUEST)
                ret->id = (uint32_t)items[1].via.u64;
        method = &items[type == MESSAGE_REQUEST ? 2 : 1];
        if (method->type == MSGPACK_OBJECT_STR) {
                ret->method = method->via.str.ptr;
                ret->method_length = method->via.str.size;
        }
        if (method[1].type == MSGPACK_OBJECT_ARRAY)
                ret->params = &method[1];
        return 0;
}

bool message_read_id(const uint8_t *bytes, size_t length, uint32_t *ret_id) {
        unsigned int n = 0;

        if (length < 3 || bytes[0] != 0x94 || bytes[1] != MESSAGE_REQUEST)
                return false;
        if (bytes[2] <= 0x7f) {
                *ret_id = bytes[2];
                return true;
        }
        if (bytes[2] >= 0xcc && bytes[2] <= 0xce)
                n = 1u << (bytes[2] - 0xcc);
        if (n == 0 || length < 3 + n)
                return false;
        *ret_id = 0;
        for (unsigned int i = 0; i < n; i++)
                *ret_id = *ret_id << 8 | bytes[3 + i];
        return true;
}
