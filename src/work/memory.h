/* The worker's memory for records and their JSON, and the answer that is a number. Inside the work room only. */
#ifndef RESTMARK_WORK_MEMORY_H
#define RESTMARK_WORK_MEMORY_H

#include "work/work.h"

struct work_memory {
        struct record *records; /* as many as the dataset has */
        char *json;
        size_t json_capacity; /* bytes: enough for the dataset's */
};

/* In tree mode it is taken with the first call. Returns 0 or -ENOMEM. */
int work_memory(struct work *w, struct work_memory *ret, struct error *e);

void work_respond_number(struct work_response *ret, int64_t number);

#endif
