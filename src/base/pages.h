/* Memory of whole pages of its own, all zero: what nobody writes takes none. calloc() clears, and so writes, what it takes from the heap, which it does with anything smaller
 * than what was freed before. For tables that are as large as there may be, of which little is used. */
#ifndef RESTMARK_BASE_PAGES_H
#define RESTMARK_BASE_PAGES_H

#include <stddef.h>

/* NULL without memory. */
void *pages_new(size_t bytes);

/* With the bytes of pages_new(). NULL-safe. */
void pages_free(void *pages, size_t bytes);

#endif
