package restmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.msgpack.core.MessagePack;
import org.msgpack.core.MessagePackException;
import org.msgpack.core.MessageUnpacker;
import org.msgpack.value.Value;

/** The dataset, read and checked once when a server starts. */
public record Dataset(List<byte[]> encoded, List<Row> rows) {
    private static final List<String> FIELDS = List.of("id", "name", "description", "type", "count", "created_at");

    /** Thrown with a message that names the file, and the record if it is one's fault. */
    public static final class Fault extends Exception {
        private static final long serialVersionUID = 1;

        Fault(Path path, String message) {
            super(path + ": " + message);
        }
    }

    public static Dataset load(Path path) throws Fault {
        List<byte[]> encoded = new ArrayList<>();
        List<Row> rows = new ArrayList<>();
        try (MessageUnpacker file = MessagePack.newDefaultUnpacker(Files.readAllBytes(path))) {
            for (int left = file.unpackArrayHeader(); left > 0; left--) {
                encoded.add(file.readPayload(file.unpackBinaryHeader()));
            }
            if (file.hasNext()) {
                throw new Fault(path, "bytes follow the array");
            }
            for (byte[] item : encoded) {
                rows.add(row(item));
            }
        } catch (MessagePackException | IllegalArgumentException error) {
            throw new Fault(path, "record " + rows.size() + ": must be an element of a MessagePack array, a bin with a record: " + error);
        } catch (IOException error) {
            throw new Fault(path, "can not be read: " + error);
        }
        return new Dataset(encoded, rows);
    }

    /** A record whose fields are exactly those that they have to be. */
    private static Row row(byte[] item) throws IOException {
        try (MessageUnpacker unpacker = MessagePack.newDefaultUnpacker(item)) {
            Map<Value, Value> map = unpacker.unpackValue().asMapValue().map();
            List<String> names = map.keySet().stream().map(name -> name.asStringValue().asString()).toList();
            if (!names.equals(FIELDS) || unpacker.hasNext()) {
                throw new IllegalArgumentException("it must have exactly " + String.join(", ", FIELDS) + ", in this order");
            }
            List<Value> values = List.copyOf(map.values());
            double createdAt = values.get(5).asFloatValue().toDouble();
            if (!Double.isFinite(createdAt)) {
                throw new IllegalArgumentException("created_at must be finite");
            }
            return new Row(values.get(0).asIntegerValue().asLong(), text(values.get(1)), text(values.get(2)), text(values.get(3)),
                values.get(4).asIntegerValue().asLong(), createdAt);
        }
    }

    private static String text(Value value) {
        return value.asStringValue().asString();
    }
}
