#include <string.h>

#include "gate/gate_internal.h"

#define BEGIN_1_1 " / HTTP/1.1\r\nHost:\r\n"
#define BEGIN_1_0 " / HTTP/1.0\r\n"
#define CLOSE "Connection:close\r\n"
#define KEEP_ALIVE "Connection:keep-alive\r\n"

static size_t append(char *out, size_t at, const char *text, size_t length) {
        memcpy(out + at, text, length);
        return at + length;
}

/* Each part stands for one of the client's that was at least as long. */
size_t gate_write(const struct gate *g, const char *head, char *out) {
        size_t n = g->method.length;

        if (out != head)
                memmove(out, head, n);
        n = g->is_1_0 ? append(out, n, BEGIN_1_0, sizeof BEGIN_1_0 - 1) : append(out, n, BEGIN_1_1, sizeof BEGIN_1_1 - 1);
        if (g->closes)
                n = append(out, n, CLOSE, sizeof CLOSE - 1);
        else if (g->keeps_alive)
                n = append(out, n, KEEP_ALIVE, sizeof KEEP_ALIVE - 1);
        return append(out, n, "\r\n", 2);
}
