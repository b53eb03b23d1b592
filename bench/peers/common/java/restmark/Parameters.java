package restmark;

import java.util.HashMap;
import java.util.Map;

/** The query parameters of the routes, as docs/SPEC.md demands them: known names, each at most once, decimal digits, in range. */
public final class Parameters {
    /** What a parameter may be, both ends included. */
    public record Limits(long least, long most) {}

    private static final Limits SEEDS = new Limits(0, Integer.MAX_VALUE);
    public static final Map<String, Limits> NOTHING = Map.of();
    public static final Map<String, Limits> LOOP = Map.of("n", new Limits(0, 100_000_000), "seed", SEEDS);
    public static final Map<String, Limits> WAIT = Map.of("ms", new Limits(0, 60_000));
    public static final Map<String, Limits> BODY = Map.of("count", new Limits(0, 1000));

    private Parameters() {}

    /** Those of /transfer-data for a dataset of so many records. */
    public static Map<String, Limits> count(int records) {
        return Map.of("count", new Limits(0, records));
    }

    /** Those of the two routes that know digests. */
    public static Map<String, Limits> countAndDigest(int records) {
        return Map.of("count", new Limits(0, records), "digest", new Limits(1, 8), "seed", SEEDS);
    }

    /** The values by name. Throws Refusal for a parameter that is not in limits, or not allowed by them. */
    public static Map<String, Long> numbers(Iterable<Map.Entry<String, String>> query, Map<String, Limits> limits) {
        Map<String, Long> values = new HashMap<>();
        for (Map.Entry<String, String> given : query) {
            Limits allowed = limits.get(given.getKey());
            if (allowed == null) {
                throw new Refusal(400, given.getKey() + " is not a parameter of this path");
            }
            if (values.put(given.getKey(), number(given.getKey(), given.getValue(), allowed)) != null) {
                throw new Refusal(400, given.getKey() + " is given more than once");
            }
        }
        return values;
    }

    /** The digest that is asked for, or null. Throws Refusal for a seed alone. */
    public static Digest digest(Map<String, Long> values) {
        Long repetitions = values.get("digest");
        if (repetitions != null) {
            return new Digest(repetitions.intValue(), values.getOrDefault("seed", 0L));
        }
        if (values.containsKey("seed")) {
            throw new Refusal(400, "seed is a parameter of this path with digest alone");
        }
        return null;
    }

    private static long number(String name, String text, Limits allowed) {
        long value = digits(text);
        if (value < allowed.least || value > allowed.most) {
            throw new Refusal(400, name + " must be a number from " + allowed.least + " to " + allowed.most);
        }
        return value;
    }

    /** The value of decimal digits, or -1 for a text that is none or too long. */
    public static long digits(String text) {
        long value = text.isEmpty() ? -1 : 0;
        for (int i = 0; i < text.length(); i++) {
            char digit = text.charAt(i);
            if (digit < '0' || digit > '9' || value > Long.MAX_VALUE / 100) {
                return -1;
            }
            value = value * 10 + digit - '0';
        }
        return value;
    }
}
