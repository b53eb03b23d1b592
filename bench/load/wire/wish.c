/* Targets and weights as people write them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "wire/request.h"

enum { WEIGHT_MAX = 1000000 };

#define PARAMETER_MAX UINT64_C(9007199254740992) /* 2^53: what every language reads exactly */

static int check_target(const char *target, size_t n, struct error *e) {
        if (n == 0 || target[0] != '/')
                return error_set(e, -EINVAL, "\"%.*s\" is no target: it begins with /", (int)n, target);
        if (n >= REQUEST_TARGET_BYTES_MAX)
                return error_set(e, -EINVAL, "a target of %zu bytes is too long: at most %d", n, REQUEST_TARGET_BYTES_MAX - 1);
        for (size_t i = 0; i < n; i++)
                if (target[i] <= ' ' || target[i] > '~' || target[i] == '#')
                        return error_set(e, -EINVAL, "%.*s: spaces, #, and what is not ASCII are written as %%20, %%23 and so on", (int)n, target);
        return 0;
}

static int check_weight(const char *text, size_t n, uint64_t *ret, struct error *e) {
        if (number_parse(text, n, ret) < 0 || *ret == 0 || *ret > WEIGHT_MAX)
                return error_set(e, -EINVAL, "\"%.*s\" is no weight: a whole number from 1 to %d", (int)n, text, WEIGHT_MAX);
        return 0;
}

static int take(const char *target, size_t n, struct request_wish *ret, struct error *e) {
        int r = check_target(target, n, e);

        if (r < 0)
                return r;
        memcpy(ret->target, target, n);
        ret->target[n] = '\0';
        return 0;
}

int request_wish_make(const char *target, uint64_t weight, struct request_wish *ret, struct error *e) {
        ret->weight = weight;
        return take(target, strlen(target), ret, e);
}

/* In a target with a query the last "=" may be the query's: /x?n=5 would be /x?n with the weight 5, which nobody means. */
static bool query_lacks_value(const char *target, size_t n) {
        size_t last = n;

        if (!memchr(target, '?', n))
                return false;
        while (last > 0 && !strchr("?&", target[last - 1]))
                last--;
        return !memchr(target + last, '=', n - last);
}

int request_wish_parse(const char *text, struct request_wish *ret, struct error *e) {
        const char *last = strrchr(text, '=');
        size_t n = last ? (size_t)(last - text) : strlen(text);

        ret->weight = 1;
        if (!last)
                return take(text, n, ret, e);
        if (query_lacks_value(text, n))
                return error_set(e, -EINVAL, "%s: is that a weight or the query's value? Write %s=1 for the latter", text, text);
        if (check_weight(last + 1, strlen(last + 1), &ret->weight, e) < 0)
                return error_prefix(e, -EINVAL, "%s", text);
        return take(text, n, ret, e);
}

/* A line without its end. Returns 1 if it had a wish, 0 if it is empty or a comment. */
static int parse_line(const char *line, size_t n, struct request_wish *ret, struct error *e) {
        size_t weight, gap;
        int r;

        while (n > 0 && strchr(" \t\r", line[n - 1]))
                n--;
        if (n == 0 || line[0] == '#')
                return 0;
        weight = strcspn(line, " \t");
        if (weight >= n)
                return error_set(e, -EINVAL, "\"%.*s\" is not WEIGHT TARGET", (int)n, line);
        gap = strspn(line + weight, " \t");
        r = check_weight(line, weight, &ret->weight, e);
        if (r == 0)
                r = take(line + weight + gap, n - weight - gap, ret, e);
        return r < 0 ? r : 1;
}

static int read_lines(FILE *file, const char *path, struct request_wish *wishes, size_t capacity, struct error *e) {
        char *line = NULL;
        size_t memory = 0, n = 0, number = 0;
        ssize_t length;
        int r = 0;

        while (r >= 0 && (length = getline(&line, &memory, file)) >= 0) {
                struct request_wish wish;

                number++;
                if (length > 0 && line[length - 1] == '\n')
                        line[--length] = '\0';
                r = parse_line(line, (size_t)length, &wish, e);
                if (r > 0 && n == capacity)
                        r = error_set(e, -E2BIG, "more than %d targets", REQUEST_TARGETS_MAX);
                if (r > 0)
                        wishes[n++] = wish;
                if (r < 0)
                        (void)error_prefix(e, r, "%s:%zu", path, number);
        }
        free(line);
        if (r >= 0 && ferror(file))
                return error_set_errno(e, errno, "cannot read %s", path);
        return r < 0 ? r : (int)n;
}

int request_wishes_read(const char *path, struct request_wish *wishes, size_t capacity, struct error *e) {
        FILE *file = fopen(path, "re");
        int r;

        if (!file)
                return error_set_errno(e, errno, "cannot open %s", path);
        r = read_lines(file, path, wishes, capacity, e);
        (void)fclose(file);
        return r == 0 ? error_set(e, -EINVAL, "%s has no targets; write lines of WEIGHT TARGET", path) : r;
}

int request_parse_range(const char *target, const char *text, size_t n, struct request_parameter *ret, struct error *e) {
        const char *colon = memchr(text, ':', n), *numbers = colon ? colon + 1 : text;
        size_t length = n - (size_t)(numbers - text);
        const char *dash = memchr(numbers, '-', length);

        if (!dash || number_parse(numbers, (size_t)(dash - numbers), &ret->low) < 0 ||
            number_parse(dash + 1, length - (size_t)(dash + 1 - numbers), &ret->high) < 0 || ret->low > ret->high || ret->high > PARAMETER_MAX)
                return error_set(e, -EINVAL, "%s: {%.*s} is no random number; write {NAME:LOW-HIGH}, such as {count:0-1000}", target, (int)n, text);
        return 0;
}
