/* How much memory a process takes, as its kernel counts it. */
#ifndef RESTMARK_BASE_PROCESS_MEMORY_H
#define RESTMARK_BASE_PROCESS_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

struct process_memory {
        uint64_t rss_bytes; /* resident: shared pages count in full, in each process */
        uint64_t pss_bytes; /* proportional: a page that n processes share counts for 1/n in each */
        uint64_t uss_bytes; /* unique: pages that nobody shares; what the end of the process would free */
};

/* Reads /proc/PID/smaps_rollup, for which the kernel walks the page tables: some ten microseconds for a small process. Returns 0 or a
 * negative errno value: -ESRCH when there is no such process (a zombie has no memory either), -EACCES when it is another user's. */
int process_memory_read(pid_t pid, struct process_memory *ret);

/* The same of the file's text. Returns 0 or -EBADMSG. */
int process_memory_parse(const char *text, struct process_memory *ret);

#endif
