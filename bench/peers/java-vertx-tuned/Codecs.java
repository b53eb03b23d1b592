import com.dslplatform.json.DslJson;
import com.dslplatform.json.JsonWriter;
import com.dslplatform.json.NumberConverter;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.core.buffer.ArrayBufferInput;
import restmark.Doubles;
import restmark.Row;

/** Records to and from bytes. One for each event loop: the unpacker and the writer's buffer are used again by the next request. */
final class Codecs {
    private static final byte[][] KEYS = {
        key("id"), key("name"), key("description"), key("type"), key("count"), key("created_at"),
    };
    private static final byte[] ID = key("{\"id\":");
    private static final byte[] NAME = key(",\"name\":");
    private static final byte[] DESCRIPTION = key(",\"description\":");
    private static final byte[] TYPE = key(",\"type\":");
    private static final byte[] COUNT = key(",\"count\":");
    private static final byte[] CREATED_AT = key(",\"created_at\":");

    private static final String SHORT = "\"\\\b\f\n\r\t";
    private static final String LETTERS = "\"\\bfnrt";

    private final ArrayBufferInput input = new ArrayBufferInput(new byte[0]);
    private final MessageUnpacker unpacker = MessagePack.newDefaultUnpacker(input);
    private final byte[] name = new byte[16];
    private final JsonWriter writer = new DslJson<>().newWriter(1 << 18);

    private static byte[] key(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    List<Row> decode(List<byte[]> encoded) {
        List<Row> rows = new ArrayList<>(encoded.size());
        try {
            for (byte[] item : encoded) {
                input.reset(item);
                unpacker.reset(input);
                rows.add(decodeOne());
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return rows;
    }

    private Row decodeOne() throws IOException {
        long id = 0;
        long count = 0;
        double createdAt = 0;
        String[] texts = new String[KEYS.length];
        int fields = unpacker.unpackMapHeader();
        for (int i = 0; i < fields; i++) {
            int field = field(i);
            switch (field) {
                case 0 -> id = unpacker.unpackLong();
                case 4 -> count = unpacker.unpackLong();
                case 5 -> createdAt = unpacker.unpackDouble();
                default -> texts[field] = unpacker.unpackString();
            }
        }
        return new Row(id, texts[1], texts[2], texts[3], count, createdAt);
    }

    /** Which field the next key names; guess: the one to look at first. */
    private int field(int guess) throws IOException {
        int size = unpacker.unpackRawStringHeader();
        if (size <= name.length) {
            unpacker.readPayload(name, 0, size);
            for (int i = guess; i < guess + KEYS.length; i++) {
                byte[] key = KEYS[i % KEYS.length];
                if (Arrays.equals(name, 0, size, key, 0, key.length)) {
                    return i % KEYS.length;
                }
            }
        }
        throw new IOException("a record has a field that it must not have");
    }

    /** The size of the JSON of rows, which is not kept. */
    int encodedSize(List<Row> rows) {
        write(rows);
        return writer.size();
    }

    /** The JSON of rows, as bytes of their own: what is sent may wait for the client while the next request is served. */
    byte[] encode(List<Row> rows) {
        write(rows);
        return writer.toByteArray();
    }

    Buffer encodeOne(Row row) {
        writer.reset();
        write(row);
        return Buffer.buffer(writer.toByteArray());
    }

    private void write(List<Row> rows) {
        writer.reset();
        writer.writeByte(JsonWriter.ARRAY_START);
        for (int i = 0; i < rows.size(); i++) {
            if (i > 0) {
                writer.writeByte(JsonWriter.COMMA);
            }
            write(rows.get(i));
        }
        writer.writeByte(JsonWriter.ARRAY_END);
    }

    private void write(Row row) {
        writer.writeAscii(ID);
        NumberConverter.serialize(row.id(), writer);
        writer.writeAscii(NAME);
        write(row.name());
        writer.writeAscii(DESCRIPTION);
        write(row.description());
        writer.writeAscii(TYPE);
        write(row.type());
        writer.writeAscii(COUNT);
        NumberConverter.serialize(row.count(), writer);
        writer.writeAscii(CREATED_AT);
        writer.writeAscii(Doubles.text(row.created_at()));
        writer.writeByte(JsonWriter.OBJECT_END);
    }

    private void write(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < ' ') {
                writeControls(text);
                return;
            }
        }
        writer.writeString(text);
    }

    /** A text with control characters: DSL-JSON would write their digits as capitals. */
    private void writeControls(String text) {
        writer.writeByte(JsonWriter.QUOTE);
        for (byte unit : text.getBytes(StandardCharsets.UTF_8)) {
            int letter = SHORT.indexOf(unit);
            if (letter >= 0) {
                writer.writeByte(JsonWriter.ESCAPE);
                writer.writeByte((byte) LETTERS.charAt(letter));
            } else if (unit >= 0 && unit < ' ') {
                writer.writeAscii(String.format("\\u%04x", unit));
            } else {
                writer.writeByte(unit);
            }
        }
        writer.writeByte(JsonWriter.QUOTE);
    }
}
