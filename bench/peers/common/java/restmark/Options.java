package restmark;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The command line: --host, --port, --workers and --dataset, each with its value. */
public record Options(String host, int port, int workers, Path dataset) {
    public static Options parse(String[] arguments) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            values.put(arguments[i], arguments[i + 1]);
        }
        if (!values.keySet().equals(java.util.Set.of("--host", "--port", "--workers", "--dataset"))) {
            throw new IllegalArgumentException("usage: --host HOST --port PORT --workers N --dataset FILE");
        }
        return new Options(values.get("--host"), Integer.parseInt(values.get("--port")), Integer.parseInt(values.get("--workers")),
            Path.of(values.get("--dataset")));
    }
}
