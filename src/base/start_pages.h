/* What only the start of a program has needed of its files and its stack. */
#ifndef RESTMARK_BASE_START_PAGES_H
#define RESTMARK_BASE_START_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* After the start, when whoever has waited for it has got an answer: on one CPU with the workers, what the master does before delays it. */
enum { START_PAGES_AFTER_MS = 250 };

/* Gives back the pages of the program's and its libraries' text and constants that are mapped, all of them: they stay in the page cache, and what is needed comes
 * back by minor faults. Linking touches some megabytes, mostly of libraries that others bring along, which would count as this process's memory for as long
 * as it runs. Pages that have been written to (relocated data, a debugger's breakpoints) stay. So does the stack of the caller and those who called it; what was used below it
 * is given back, too. To be called where start_pages_is_alone(). Takes some 0.1 ms. Returns how many mappings of files that were; 0 where /proc is not there. */
size_t start_pages_give_back(void);

/* Whether no other thread runs. One that loads a library maps its file, and then writes to a part that was only to be read when the list of mappings was made. */
bool start_pages_is_alone(void);

#endif
