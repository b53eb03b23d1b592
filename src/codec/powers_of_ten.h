/* The powers of ten that a double's decimal digits are multiplied out of, each as 128 bits; made by the compiler. C++ only, internal to codec/. */
#ifndef RESTMARK_CODEC_POWERS_OF_TEN_H
#define RESTMARK_CODEC_POWERS_OF_TEN_H

#include <cstdint>

namespace powers_of_ten {

__extension__ typedef unsigned __int128 uint128;

/* The exponents that normal doubles need. */
enum { FIRST = -293, LAST = 323 };

/* floor(log2(10^e)) and floor(log10(2^q)): as right as they have to be for every double, see the proofs below. */
constexpr int log2_of_power(int e) {
        return (e * 217706) >> 16;
}

constexpr int log10_of_binary(int q) {
        return (q * 315653) >> 20;
}

/* 10^e is (high · 2^64 + low) · 2^(log2_of_power(e) − 127), or more by less than one in the last place of `low`. */
struct power {
        uint64_t high, low;
};

/* The same with 256 bits, the highest first: so many that what the steps from 10^0 cut off does not reach the first 128. */
struct wide {
        uint64_t limbs[4];
};

constexpr wide ONE = { { UINT64_C(1) << 63, 0, 0, 0 } };

/* w · 5 with its leading bit where it was. */
constexpr wide next(const wide &w) {
        uint64_t product[5] = {};
        uint128 carry = 0;
        wide result = {};

        for (int i = 3; i >= 0; i--) {
                carry += static_cast<uint128>(w.limbs[i]) * 5;
                product[i + 1] = static_cast<uint64_t>(carry);
                carry >>= 64;
        }
        product[0] = static_cast<uint64_t>(carry);
        for (int i = 0, shift = product[0] >= 4 ? 3 : 2; i < 4; i++)
                result.limbs[i] = product[i] << (64 - shift) | product[i + 1] >> shift;
        return result;
}

/* w / 5, likewise. */
constexpr wide previous(const wide &w) {
        const int shift = w.limbs[0] >= UINT64_C(5) << 61 ? 2 : 3; /* w is 5/8 or more of what 256 bits hold */
        uint128 rest = w.limbs[0] >> (64 - shift);
        wide result = {};

        for (int i = 0; i < 4; i++) {
                rest = rest << 64 | (w.limbs[i] << shift | (i < 3 ? w.limbs[i + 1] >> (64 - shift) : 0));
                result.limbs[i] = static_cast<uint64_t>(rest / 5);
                rest %= 5;
        }
        return result;
}

struct table {
        power entries[LAST - FIRST + 1];
        bool exact; /* no entry is so near to the next that what was cut off could make it that */
};

constexpr bool is_exact(const wide &w) {
        return w.limbs[2] != UINT64_MAX;
}

constexpr table made() {
        table t = {};
        wide up = ONE, down = ONE;

        t.exact = true;
        for (int e = 0; e <= LAST; e++, up = next(up)) {
                t.entries[e - FIRST] = { up.limbs[0], up.limbs[1] };
                t.exact = t.exact && is_exact(up);
        }
        for (int e = -1; e >= FIRST; e--) {
                down = previous(down);
                t.entries[e - FIRST] = { down.limbs[0], down.limbs[1] };
                t.exact = t.exact && is_exact(down);
        }
        return t;
}

constexpr table TABLE = made();
static_assert(TABLE.exact, "256 bits are enough for 128");

/* The logarithms are right if each power, scaled by them, lies where it should. */
constexpr bool logarithms_are_right() {
        wide w = ONE;

        for (int e = 0, log2 = 0; e < LAST; e++) {
                log2 += w.limbs[0] >= UINT64_C(1) << 63 && next(w).limbs[0] < w.limbs[0] ? 4 : 3;
                w = next(w);
                if (log2 != log2_of_power(e + 1) || -log2 - 1 != log2_of_power(-e - 1))
                        return false;
                /* 2^log2 is below 10^(e + 1) and 2^(log2 + 1) is not; with a minus before them, the other way round. */
                if (log10_of_binary(log2) != e || log10_of_binary(log2 + 1) != e + 1 || log10_of_binary(-log2) != -e - 1 ||
                    log10_of_binary(-log2 - 1) != -e - 2)
                        return false;
        }
        return true;
}
static_assert(logarithms_are_right(), "floor(log2(10^e)), floor(log10(2^q))");

} // namespace powers_of_ten

#endif
