#include "codec/utf8.h"

bool utf8_valid_slowly(const char *bytes, size_t length) {
        const unsigned char *p = (const unsigned char *)bytes, *end = p + length;

        while (p < end) {
                unsigned char lead = *p++, low = 0x80, high = 0xbf; /* what the second byte may be */
                int more;

                if (lead < 0x80)
                        continue;
                if (lead >= 0xc2 && lead <= 0xdf)
                        more = 1;
                else if ((lead & 0xf0) == 0xe0) {
                        more = 2;
                        if (lead == 0xe0)
                                low = 0xa0; /* below: overlong */
                        else if (lead == 0xed)
                                high = 0x9f; /* above: surrogates */
                } else if (lead >= 0xf0 && lead <= 0xf4) {
                        more = 3;
                        if (lead == 0xf0)
                                low = 0x90; /* below: overlong */
                        else if (lead == 0xf4)
                                high = 0x8f; /* above: beyond U+10FFFF */
                } else
                        return false;
                if (end - p < more || *p < low || *p > high)
                        return false;
                for (int i = 1; i < more; i++)
                        if ((p[i] & 0xc0) != 0x80)
                                return false;
                p += more;
        }
        return true;
}
