/* The process title that ps, top and restmark-rss show. */
#ifndef RESTMARK_BASE_TITLE_H
#define RESTMARK_BASE_TITLE_H

/* Takes over the memory of argv and environ for titles; call once, first thing in main(). Returns a copy of argv for the
 * program to use (NULL without memory). The environment stays usable. */
char **title_init(int argc, char **argv);

/* Sets the title, cut to the memory there is. Without title_init() it does nothing. */
void title_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
