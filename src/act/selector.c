#include "act/selector.h"

_Static_assert(SELECTOR_INSTRUCTIONS_MAX <= BPF_MAXINSNS, "the kernel takes the longest program");

static void emit(struct selector *selector, struct sock_filter instruction) {
        selector->program[selector->n++] = instruction;
}

static void load(struct selector *selector, int ancillary) {
        emit(selector, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)(SKF_AD_OFF + ancillary)));
}

/* Returns one of `slots` at random. The random number is mapped run by run, as a program has no tables. */
static void emit_choice(struct selector *selector, const unsigned int *slots, size_t n) {
        unsigned int mapped = 0; /* numbers below this have their slot */

        if (n == 1) {
                emit(selector, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, slots[0]));
                return;
        }
        load(selector, SKF_AD_RANDOM);
        emit(selector, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (unsigned int)n));
        while (mapped < n) {
                unsigned int first = mapped;

                for (mapped++; mapped < n && slots[mapped] == slots[mapped - 1] + 1;)
                        mapped++;
                if (mapped < n)
                        emit(selector, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, mapped, 2, 0));
                emit(selector, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, slots[first] - first));
                emit(selector, (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0));
        }
}

void selector_build_random(struct selector *selector, const unsigned int *live, size_t n) {
        selector->n = 0;
        emit_choice(selector, live, n);
}

void selector_build_cpu(struct selector *selector, const unsigned int *live, size_t n, const unsigned int *cpus, size_t n_cpus) {
        unsigned int here[SELECTOR_SLOTS_MAX];

        selector->n = 0;
        load(selector, SKF_AD_CPU);
        for (size_t c = 0; c < n_cpus; c++) {
                unsigned short jump = (unsigned short)(selector->n + 1);
                size_t n_here = 0;

                for (size_t i = 0; i < n; i++)
                        if (live[i] % n_cpus == c)
                                here[n_here++] = live[i];
                if (n_here == 0)
                        continue;
                /* Around the choice by a jump of its own, as that of a comparison reaches 255 instructions only. */
                emit(selector, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, cpus[c], 1, 0));
                emit(selector, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
                emit_choice(selector, here, n_here);
                selector->program[jump].k = selector->n - jump - 1u;
        }
        emit_choice(selector, live, n);
}
