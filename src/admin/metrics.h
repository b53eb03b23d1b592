/* The scoreboard as metrics for Prometheus and its kin. docs/OBSERVING.md lists them. */
#ifndef RESTMARK_ADMIN_METRICS_H
#define RESTMARK_ADMIN_METRICS_H

#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdio.h>

/* `open_metrics`: OpenMetrics 1.0; else Prometheus' text format 0.0.4. Samples are the same in both. */
void metrics_write(const struct restmark_scoreboard *board, bool open_metrics, FILE *to);

#endif
