package restmark;

import java.util.Set;

/** What POST /validate demands of the values of a record; that all are there, and of their types, is the parser's part. */
public final class Schema {
    public static final int MAX_BODY_BYTES = 1 << 20;
    private static final Set<String> TYPES = Set.of("U", "G", "S");

    private Schema() {}

    /** Throws Refusal, with the name of the field, unless all values fit. */
    public static Row checked(Row row) {
        checkLength("name", row.name(), 1, 100);
        checkLength("description", row.description(), 0, 1000);
        if (!TYPES.contains(row.type())) {
            throw new Refusal(422, "type must be U, G or S");
        }
        if (row.count() < 0 || row.count() > 1_000_000) {
            throw new Refusal(422, "count must be from 0 to 1000000");
        }
        if (!(row.created_at() >= 0 && row.created_at() <= 4_102_444_800.0)) {
            throw new Refusal(422, "created_at must be from 0 to 4102444800");
        }
        return row;
    }

    private static void checkLength(String name, String text, int least, int most) {
        // A text has at least half as many characters as it has chars, and at most as many: what is clear is not counted.
        int characters = text.length() <= most ? text.length() : text.codePointCount(0, text.length());
        if (characters < least || characters > most) {
            throw new Refusal(422, name + " must have " + least + " to " + most + " characters");
        }
    }
}
