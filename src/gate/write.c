#include <string.h>

#include "gate/gate_internal.h"

#define CLOSE "Connection:close\r\n"
#define KEEP_ALIVE "Connection:keep-alive\r\n"

static size_t append(char *out, size_t at, const char *text, size_t length) {
        memmove(out + at, text, length);
        return at + length;
}

/* The lines that stay move forward, so each must be moved before a later one's place is written to: in the order of the head. What is new
 * stands for a line that was at least as long and is gone. */
size_t gate_write(const struct gate *g, const char *head, char *out) {
        const struct gate_span *lines[] = { &g->host, &g->condition, &g->accept };
        size_t n, at = 0;

        if (!g->must_write) {
                if (out != head)
                        memmove(out, head, g->line);
                return g->line;
        }
        n = g->target.at + g->target.length; /* the version behind it may be one that the library does not know */
        memmove(out, head, n);
        n = append(out, n, g->is_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n", 11);
        for (int i = 0; i < 3; i++) {
                const struct gate_span *next = NULL;

                for (int k = 0; k < 3; k++)
                        if (lines[k]->length > 0 && lines[k]->at >= at && (!next || lines[k]->at < next->at))
                                next = lines[k];
                if (!next)
                        break;
                n = append(out, n, head + next->at, next->length);
                at = next->at + next->length;
        }
        if (g->closes)
                n = append(out, n, CLOSE, sizeof CLOSE - 1);
        else if (g->keeps_alive)
                n = append(out, n, KEEP_ALIVE, sizeof KEEP_ALIVE - 1);
        return append(out, n, "\r\n", 2);
}
