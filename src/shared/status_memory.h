#ifndef RESTMARK_SHARED_STATUS_MEMORY_H
#define RESTMARK_SHARED_STATUS_MEMORY_H

#include <restmark/scoreboard.h>
#include <stdio.h>

/* For the files of status.h: {"rss_bytes":…,"pss_bytes":…,"uss_bytes":…,"shared_bytes":…}, or null when it is not known. */
void status_write_memory_cell(const struct restmark_memory_cell *memory, FILE *to);

#endif
