package restmark;

/** A record of the dataset. */
public record Row(long id, String name, String description, String type, long count, double created_at) {
    /** As /encode-json's digest wants it encoded. The integers wrap. */
    Row shifted(long seed) {
        return new Row(id + seed, name, description, type, count + seed, created_at + seed * 39 / (double) (1 << 22));
    }
}
