#include <string.h>

#include "gate/bytes.h"
#include "gate/gate_internal.h"
#include "gate/target.h"

static bool is_known_method(const char *method, size_t length) {
        static const struct {
                size_t length;
                const char *name;
        } known[] = { { 3, "GET" }, { 4, "HEAD" }, { 7, "OPTIONS" }, { 4, "POST" }, { 3, "PUT" }, { 6, "DELETE" }, { 5, "PATCH" }, { 5, "TRACE" } };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (known[i].length == length && memcmp(known[i].name, method, length) == 0)
                        return true;
        return false;
}

static enum gate_verdict take_version(struct gate *g, const char *version, size_t length) {
        if (length != 8 || memcmp(version, "HTTP/", 5) != 0 || !byte_is(version[5], BYTE_DIGIT) || version[6] != '.' ||
            !byte_is(version[7], BYTE_DIGIT))
                return gate_refuse(g, 400, "The request line must be a method, a target and an HTTP version with single spaces between them.");
        if (version[5] != '1')
                return gate_refuse(g, 505, "This server speaks HTTP/1.1 and HTTP/1.0.");
        g->is_1_0 = version[7] == '0';
        return GATE_MORE;
}

/* What is malformed comes first: whether bytes are wrong may be known before the line is whole. */
enum gate_verdict line_take(struct gate *g, const char *line, size_t length) {
        size_t method = bytes_span(line, length, BYTE_TOKEN), at = method + 1, target;
        const char *end;
        enum gate_verdict verdict;

        if (method == 0 || method == length || line[method] != ' ')
                return gate_refuse(g, 400, "The request line does not begin with a method and a single space.");
        end = memchr(line + at, ' ', length - at);
        if (!end)
                return gate_refuse(g, 400, "The request line has no HTTP version.");
        target = (size_t)(end - line) - at;
        if (!target_is_valid(line, line + at, target))
                return gate_refuse(g, 400, "The request target is none of the forms that go with the method.");
        verdict = take_version(g, end + 1, length - at - target - 1);
        if (verdict != GATE_MORE)
                return verdict;
        g->method = (struct gate_span){ 0, (uint32_t)method };
        g->target = (struct gate_span){ (uint32_t)at, (uint32_t)target };
        if (target >= 3 && memmem(line + at, target, "%00", 3))
                return gate_refuse(g, 400, "The request target holds an encoded NUL byte.");
        if (!is_known_method(line, method))
                return gate_refuse(g, 501, UNKNOWN_METHOD);
        if (line[at] == '*' && !(method == 7 && memcmp(line, "OPTIONS", 7) == 0))
                return gate_refuse(g, 400, "Only OPTIONS can be asked of \"*\".");
        if (target > GATE_ARGUMENTS_MAX && target_arguments(line + at, target) > GATE_ARGUMENTS_MAX)
                return gate_refuse(g, 400, "The query has more arguments than any route of this server takes.");
        return GATE_MORE;
}
