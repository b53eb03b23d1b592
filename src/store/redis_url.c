#include "store/redis_url.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

#define REMEDY "write redis://HOST:PORT/DATABASE, or unix:///PATH?db=DATABASE"

enum { DATABASES_MAX = 65535 };

static int copy(char *to, size_t size, const char *from, size_t length, const char *what, struct error *e) {
        if (length >= size)
                return error_set(e, -EINVAL, "its %s is too long: %zu bytes are room for no more than %zu", what, length, size - 1);
        if (memchr(from, '%', length))
                return error_set(e, -EINVAL, "its %s has %%-escapes, which are not understood here", what);
        memcpy(to, from, length);
        to[length] = '\0';
        return 0;
}

/* Takes what stands before an @ in `*at` … `end`. */
static int take_user(const char **at, const char *end, struct redis_url *url, struct error *e) {
        const char *sign = memchr(*at, '@', (size_t)(end - *at)), *begin = *at;

        if (!sign)
                return 0;
        *at = sign + 1;
        if (memchr(begin, ':', (size_t)(sign - begin)))
                return error_set(e, -EINVAL, "a password does not belong here, where all see it who read the configuration: write it into a file, and the "
                                             "file's name to password-file");
        return copy(url->user, sizeof url->user, begin, (size_t)(sign - begin), "user", e);
}

static int take_number(const char *digits, size_t length, uint64_t max, const char *what, uint64_t *ret, struct error *e) {
        if (number_parse(digits, length, ret) < 0 || *ret > max)
                return error_set(e, -EINVAL, "its %s is not a number from 0 to %llu: " REMEDY, what, (unsigned long long)max);
        return 0;
}

static int take_database(const char *digits, size_t length, struct redis_url *url, struct error *e) {
        uint64_t number = 0;
        int r = length > 0 ? take_number(digits, length, DATABASES_MAX, "database", &number, e) : 0;

        url->database = (uint32_t)number;
        return r;
}

static int parse_unix(const char *at, struct redis_url *url, struct error *e) {
        const char *query = strchr(at, '?'), *end = query ? query : at + strlen(at);
        const char *slash = memchr(at, '/', (size_t)(end - at));
        int r = slash ? take_user(&at, slash, url, e) : error_set(e, -EINVAL, "there is no path of a socket in it: " REMEDY);

        url->is_unix = true;
        if (r == 0 && *at != '/')
                r = error_set(e, -EINVAL, "the path of its socket does not begin with a slash: " REMEDY);
        if (r == 0)
                r = copy(url->host, sizeof url->host, at, (size_t)(end - at), "path", e);
        if (r == 0 && query && strncmp(query, "?db=", 4) != 0)
                return error_set(e, -EINVAL, "behind its ? only db=NUMBER is understood");
        return r == 0 && query ? take_database(query + 4, strlen(query + 4), url, e) : r;
}

/* "host:6380", "[::1]:6380" */
static int take_host(const char *at, const char *end, struct redis_url *url, struct error *e) {
        bool has_brackets = at < end && *at == '[';
        const char *close = has_brackets ? memchr(at, ']', (size_t)(end - at)) : NULL;
        const char *colon = has_brackets ? close ? close + 1 : NULL : memchr(at, ':', (size_t)(end - at));
        uint64_t port = 6379;
        int r = 0;

        if (has_brackets && (!close || (close + 1 < end && close[1] != ':')))
                return error_set(e, -EINVAL, "its address has a bracket without another: " REMEDY);
        if (colon && colon < end) {
                r = take_number(colon + 1, (size_t)(end - colon - 1), 65535, "port", &port, e);
                end = colon;
        }
        url->port = (uint16_t)port;
        if (has_brackets) {
                at++;
                end = close;
        }
        if (r == 0 && (at == end || port == 0))
                return error_set(e, -EINVAL, "it names no host, or port 0: " REMEDY);
        return r == 0 ? copy(url->host, sizeof url->host, at, (size_t)(end - at), "host", e) : r;
}

static int parse_tcp(const char *at, struct redis_url *url, struct error *e) {
        const char *slash = strchr(at, '/'), *end = slash ? slash : at + strlen(at);
        int r = take_user(&at, end, url, e);

        if (r == 0)
                r = take_host(at, end, url, e);
        return r == 0 && slash ? take_database(slash + 1, strlen(slash + 1), url, e) : r;
}

int redis_url_parse(const char *url, struct redis_url *ret, struct error *e) {
        *ret = (struct redis_url){ .port = 0 };
        if (strncmp(url, "redis://", 8) == 0)
                return parse_tcp(url + 8, ret, e);
        if (strncmp(url, "unix://", 7) == 0)
                return parse_unix(url + 7, ret, e);
        if (strncmp(url, "rediss://", 9) == 0)
                return error_set(e, -EINVAL, "Redis over TLS is not spoken here: put stunnel or the like before it");
        return error_set(e, -EINVAL, "it is not an address of Redis: " REMEDY);
}
