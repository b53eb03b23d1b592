#include "gate/refusal.h"

#include <sys/socket.h>
#include <time.h>

#include "gate/problem.h"

bool refusal_send(int fd, unsigned int status, const char *detail, bool is_head, size_t *ret_body_bytes) {
        char body_memory[PROBLEM_MAX], memory[PROBLEM_MAX + 512], date[40];
        struct buf body = buf_over(body_memory, sizeof body_memory), out = buf_over(memory, sizeof memory);
        time_t now = time(NULL);
        struct tm tm;

        problem_write(&body, status, detail);
        /* restmarkd never calls setlocale(), so the names are English, as HTTP wants them. */
        (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
        buf_printf(&out, "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nContent-Type: " PROBLEM_CONTENT_TYPE
                         "\r\nContent-Length: %zu\r\n\r\n",
                   status, problem_title(status), date, body.length);
        if (!is_head)
                buf_append(&out, body.data, body.length);
        *ret_body_bytes = is_head ? 0 : body.length;
        return send(fd, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)out.length;
}
