#include "pace/slo.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pace/duration.h"

static int refuse(const char *text, struct error *e) {
        return error_set(e, -EINVAL, "--slo takes a percentile and a time, such as p99=50ms or p99.9=1s (up to 60 s), and not \"%s\"", text);
}

int slo_parse(const char *text, struct slo *ret, struct error *e) {
        struct slo slo = { .quantile = 0 };
        uint64_t limit_ns;
        double percent;
        char *end;

        if (strlen(text) >= sizeof slo.text || text[0] != 'p' || !isdigit((unsigned char)text[1]))
                return refuse(text, e);
        percent = strtod(text + 1, &end);
        if (*end != '=' || !isdigit((unsigned char)end[1]) || !(percent > 0 && percent < 100))
                return refuse(text, e);
        if (duration_parse(end + 1, 0, &limit_ns) < 0 || limit_ns < 1000 || limit_ns > UINT64_C(60000000000))
                return refuse(text, e);
        slo.quantile = percent / 100;
        slo.limit_us = limit_ns / 1000;
        (void)snprintf(slo.text, sizeof slo.text, "%s", text);
        *ret = slo;
        return 0;
}

struct slo_search slo_begin(double start) {
        return (struct slo_search){ .next = start };
}

bool slo_take(struct slo_search *s, bool held) {
        if (held)
                s->held = s->next;
        else
                s->failed = s->next;
        s->tries++;
        if (s->failed == 0)
                s->next = s->held * 2;
        else if (s->held == 0)
                s->next = s->failed / 2;
        else
                s->next = (s->held + s->failed) / 2;
        if (s->tries == SLO_TRIES_MAX || s->next < 1)
                return false;
        return s->held == 0 || s->failed == 0 || s->failed - s->held > s->held * SLO_RESOLUTION_PERCENT / 100;
}
