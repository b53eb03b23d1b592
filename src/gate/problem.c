#include "gate/problem.h"

const char *problem_title(unsigned int status) {
        switch (status) {
        case 400:
                return "Bad Request";
        case 404:
                return "Not Found";
        case 405:
                return "Method Not Allowed";
        case 412:
                return "Precondition Failed";
        case 413:
                return "Content Too Large";
        case 414:
                return "URI Too Long";
        case 422:
                return "Unprocessable Content";
        case 431:
                return "Request Header Fields Too Large";
        case 500:
                return "Internal Server Error";
        case 501:
                return "Not Implemented";
        case 503:
                return "Service Unavailable";
        case 505:
                return "HTTP Version Not Supported";
        default:
                return status >= 500 ? "Server Error" : "Client Error";
        }
}

void problem_write(struct buf *out, unsigned int status, const char *detail) {
        enum { TAIL = 4 }; /* room for the closing quote and brace */

        buf_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":\"", problem_title(status), status);
        for (const char *c = detail; *c && buf_room(out) > TAIL + 2; c++) {
                if (*c == '"' || *c == '\\')
                        buf_append(out, "\\", 1);
                buf_append(out, *c >= 0x20 && *c < 0x7f ? c : "?", 1);
        }
        buf_append(out, "\"}\n", 3);
}
