package restmark;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Texts of bodies. */
public final class Utf8 {
    private Utf8() {}

    /** The text of bytes. Throws Refusal if they are no UTF-8. */
    public static String text(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException error) {
            throw new Refusal(400, "the body is no UTF-8");
        }
    }
}
