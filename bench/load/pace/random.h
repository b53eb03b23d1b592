/* Random numbers that depend on a seed and a position alone: request k gets the same ones whatever thread sends it. */
#ifndef RESTMARK_LOAD_PACE_RANDOM_H
#define RESTMARK_LOAD_PACE_RANDOM_H

#include <stdint.h>

/* The finaliser of splitmix64. */
static inline uint64_t random_mix(uint64_t x) {
        x ^= x >> 30;
        x *= 0xbf58476d1ce4e5b9u;
        x ^= x >> 27;
        x *= 0x94d049bb133111ebu;
        return x ^ x >> 31;
}

/* 64 random bits: number `position` of the stream `stream` of `seed`. */
static inline uint64_t random_at(uint64_t seed, uint64_t stream, uint64_t position) {
        return random_mix(random_mix(random_mix(seed + 0x9e3779b97f4a7c15u) + stream) + (position + 1) * 0x9e3779b97f4a7c15u);
}

/* Uniform from 0 to below `n` (n > 0), off by at most n / 2^64. */
static inline uint64_t random_below(uint64_t bits, uint64_t n) {
        return (uint64_t)((unsigned __int128)bits * n >> 64);
}

/* Uniform in (0, 1]. */
static inline double random_unit(uint64_t bits) {
        return (double)((bits >> 11) + 1) * 0x1p-53;
}

#endif
