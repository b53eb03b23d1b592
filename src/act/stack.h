/* Names for the addresses of a worker's stack. Workers are forks of the master, so that what lies where is the same in both. */
#ifndef RESTMARK_ACT_STACK_H
#define RESTMARK_ACT_STACK_H

#include <stddef.h>
#include <stdint.h>

enum { STACK_NAME_MAX = 128 };

/* "restmarkd+0x5123 (loop_run+0x13)" into `text` (STACK_NAME_MAX bytes), which it returns: module, offset for addr2line(1), and the function
 * if the module tells its name. */
const char *stack_name(uint64_t address, char *text);

#endif
