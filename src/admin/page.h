/* The files of page/, which the build puts into the program (cmake/Embed.cmake). */
#ifndef RESTMARK_ADMIN_PAGE_H
#define RESTMARK_ADMIN_PAGE_H

#include <stddef.h>

struct page_file {
        const unsigned char *bytes;
        size_t length;
};

extern const struct page_file page_html, page_css, page_js;

#endif
