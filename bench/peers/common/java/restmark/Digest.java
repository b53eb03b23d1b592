package restmark;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Function;

/**
 * What verification asks for instead of a count or a length: CRC-32 of what was decoded, or encoded. docs/SPEC.md defines it. It proves
 * that the work was done, and need not be fast.
 */
public record Digest(int repetitions, long seed) {
    private static final int[] TABLE = new int[256];

    static {
        for (int i = 0; i < TABLE.length; i++) {
            int crc = i;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 1) != 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
            }
            TABLE[i] = crc;
        }
    }

    /** zlib's crc32, which java.util.zip's can not continue from a given value. */
    private static int update(int crc, byte[] data, int size) {
        crc = ~crc;
        for (int i = 0; i < size; i++) {
            crc = TABLE[(crc ^ data[i]) & 0xff] ^ (crc >>> 8);
        }
        return ~crc;
    }

    /** Of the fields of the records. */
    public long ofDecoded(List<Row> rows) {
        int crc = (int) seed;
        for (int i = 0; i < repetitions; i++) {
            for (Row row : rows) {
                byte[] texts = (row.name() + "\0" + row.description() + "\0" + row.type() + "\0").getBytes(StandardCharsets.UTF_8);
                ByteBuffer fields = ByteBuffer.allocate(24 + texts.length).order(ByteOrder.LITTLE_ENDIAN);
                fields.putLong(row.id()).putLong(row.count()).putDouble(row.created_at()).put(texts);
                crc = update(crc, fields.array(), fields.capacity());
            }
        }
        return Integer.toUnsignedLong(crc);
    }

    /** Of the JSON of the records, shifted by the seed: shifted and hashed as often as asked, encoded once. */
    public long ofEncoded(List<Row> rows, Function<List<Row>, byte[]> encode) {
        List<Row> copies = List.of();
        for (int i = 0; i < repetitions; i++) {
            copies = rows.stream().map(row -> row.shifted(seed)).toList();
        }
        byte[] json = encode.apply(copies);
        int crc = (int) seed;
        for (int i = 0; i < repetitions; i++) {
            crc = update(crc, json, json.length);
        }
        return Integer.toUnsignedLong(crc);
    }
}
