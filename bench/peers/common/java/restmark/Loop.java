package restmark;

/** The loop of /million-loop. */
public final class Loop {
    private Loop() {}

    public static long run(long n, long seed) {
        long acc = seed;
        for (long i = 0; i < n; i++) {
            acc = acc + i;
            if ((acc & 1) != 0) {
                acc = 1_000_000 - acc;
            }
        }
        return acc;
    }
}
