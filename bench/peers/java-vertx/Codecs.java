import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.exc.StreamReadException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.msgpack.jackson.dataformat.MessagePackFactory;
import restmark.Doubles;
import restmark.Refusal;
import restmark.Row;
import restmark.Schema;
import restmark.Utf8;

/** Records to and from bytes, by Jackson for both formats. */
final class Codecs {
    private static final ObjectMapper MSGPACK = new ObjectMapper(new MessagePackFactory());
    private static final ObjectMapper JSON = strictJson();

    private Codecs() {}

    /** A mapper that refuses what it would mend otherwise, and writes doubles as docs/SPEC.md demands. */
    private static ObjectMapper strictJson() {
        ObjectMapper mapper = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES, DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
                DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES, DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .enable(JsonWriteFeature.COMBINE_UNICODE_SURROGATES_IN_UTF8)
            .disable(JsonWriteFeature.WRITE_HEX_UPPER_CASE)
            .withCoercionConfig(LogicalType.Textual, texts -> texts
                .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .build();
        return mapper.registerModule(new SimpleModule().addSerializer(double.class, new DoubleSerializer()));
    }

    private static final class DoubleSerializer extends StdSerializer<Double> {
        private static final long serialVersionUID = 1;

        DoubleSerializer() {
            super(Double.class);
        }

        @Override
        public void serialize(Double value, JsonGenerator generator, SerializerProvider provider) throws IOException {
            generator.writeNumber(Doubles.text(value));
        }
    }

    static List<Row> decode(List<byte[]> encoded) {
        return encoded.stream().map(Codecs::decodeOne).toList();
    }

    private static Row decodeOne(byte[] item) {
        try {
            return MSGPACK.readValue(item, Row.class);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** JSON of a record or of records. */
    static byte[] encode(Object value) {
        try {
            return JSON.writeValueAsBytes(value);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static Row parseOne(byte[] body) {
        return Schema.checked(parse(body, Row.class));
    }

    static List<Row> parseMany(byte[] body, long count) {
        Row[] rows = parse(body, Row[].class);
        if (rows.length != count) {
            throw new Refusal(422, "there are " + rows.length + " records, not " + count);
        }
        for (Row row : rows) {
            if (row == null) {
                throw new Refusal(422, "null is no record");
            }
            Schema.checked(row);
        }
        return List.of(rows);
    }

    private static <T> T parse(byte[] body, Class<T> type) {
        try {
            T value = JSON.readValue(Utf8.text(body), type);
            if (value == null) {
                throw new Refusal(422, "null is no record");
            }
            return value;
        } catch (UnrecognizedPropertyException error) {
            throw new Refusal(422, error.getPropertyName() + " is no field of a record");
        } catch (JsonMappingException error) {
            List<JsonMappingException.Reference> path = error.getPath();
            String field = path.isEmpty() ? null : path.get(path.size() - 1).getFieldName();
            throw new Refusal(422, (field == null ? "the body" : field) + " is not what it has to be: " + firstLine(error));
        } catch (StreamReadException error) {
            JsonParser parser = error.getProcessor();
            String field = parser == null ? null : parser.getParsingContext().getCurrentName();
            throw new Refusal(400, (field == null ? "the body" : field) + ": " + firstLine(error));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static String firstLine(JsonMappingException error) {
        return error.getOriginalMessage().lines().findFirst().orElse("");
    }

    private static String firstLine(StreamReadException error) {
        return error.getOriginalMessage().lines().findFirst().orElse("");
    }
}
