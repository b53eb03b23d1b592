import io.vertx.core.AbstractVerticle;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import restmark.CollectionNames;
import restmark.Dataset;
import restmark.Digest;
import restmark.Loop;
import restmark.Options;
import restmark.Parameters;
import restmark.Refusal;
import restmark.Row;
import restmark.Schema;

/**
 * restmark's workloads by Vert.x: one verticle, and one event loop, for each worker. Paths without parameters are found in a map; the
 * others, and what is refused, go to Vert.x Web's router.
 */
public final class Main extends AbstractVerticle {
    private static final CharSequence CONTENT_TYPE = HttpHeaders.CONTENT_TYPE;
    private static final CharSequence TEXT = HttpHeaders.createOptimized("text/plain; charset=utf-8");
    private static final CharSequence JSON = HttpHeaders.createOptimized("application/json");

    private final Options options;
    private final Dataset data;
    private final Buffer fullJson; // the one body that may be prepared
    private final Codecs codecs = new Codecs();
    private final Map<String, io.vertx.core.Handler<HttpServerRequest>> exact = new HashMap<>();

    private Main(Options options, Dataset data, Buffer fullJson) {
        this.options = options;
        this.data = data;
        this.fullJson = fullJson;
    }

    public static void main(String[] arguments) {
        Options options = Options.parse(arguments);
        try {
            Dataset data = Dataset.load(options.dataset());
            Buffer fullJson = Buffer.buffer(new Codecs().encode(data.rows()));
            Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(options.workers()));
            vertx.deployVerticle(() -> new Main(options, data, fullJson), new DeploymentOptions().setInstances(options.workers()))
                .onFailure(Main::fail);
        } catch (Dataset.Fault fault) {
            fail(fault);
        }
    }

    private static void fail(Throwable error) {
        System.err.println(error.getMessage());
        System.exit(1);
    }

    @Override
    public void start(Promise<Void> started) {
        Router router = Router.router(vertx);
        addFive();
        addThree(router);
        HttpServerOptions server = new HttpServerOptions().setHost(options.host()).setPort(options.port());
        vertx.createHttpServer(server).requestHandler(request -> {
            var handler = exact.get(request.path());
            (handler == null ? router : handler).handle(request);
        }).listen().<Void>mapEmpty().onComplete(started);
    }

    private void addFive() {
        List<Row> rows = data.rows();
        Map<String, Parameters.Limits> digestible = Parameters.countAndDigest(rows.size());
        Map<String, Parameters.Limits> countable = Parameters.count(rows.size());
        get("/", Parameters.NOTHING, (request, values) -> text(request, "Welcome!\n"));
        get("/parse-msgpack", digestible, (request, values) -> {
            Digest asked = Parameters.digest(values);
            List<Row> decoded = codecs.decode(first(data.encoded(), values));
            text(request, Long.toString(asked == null ? decoded.size() : asked.ofDecoded(decoded)));
        });
        get("/encode-json", digestible, (request, values) -> {
            Digest asked = Parameters.digest(values);
            List<Row> part = first(rows, values);
            text(request, Long.toString(asked == null ? codecs.encodedSize(part) : asked.ofEncoded(part, codecs::encode)));
        });
        get("/transfer-data", countable, (request, values) -> {
            List<Row> part = first(rows, values);
            json(request, part.size() == rows.size() ? fullJson : Buffer.buffer(codecs.encode(part)));
        });
        get("/million-loop", Parameters.LOOP, (request, values) ->
            text(request, Long.toString(Loop.run(values.getOrDefault("n", 1_000_000L), values.getOrDefault("seed", 0L)))));
    }

    private void addThree(Router router) {
        exact.put("/validate", this::validate);
        get("/wait", Parameters.WAIT, (request, values) -> {
            long ms = values.getOrDefault("ms", 100L);
            if (ms == 0) { // a timer has at least one
                text(request, "0");
                return;
            }
            long timer = vertx.setTimer(ms, over -> text(request, Long.toString(ms)));
            request.response().closeHandler(closed -> vertx.cancelTimer(timer));
        });
        // Vert.x would take a path with a slash behind it for the same.
        router.route().handler(context -> {
            if (context.normalizedPath().endsWith("/")) {
                refuse(context.request(), new Refusal(404, "no such path"));
            } else {
                context.next();
            }
        });
        CollectionNames.BEFORE_RECORD.forEach(name -> addCollection(router, name));
        route(router, "/record/:id", context -> {
            long id = Parameters.digits(context.pathParam("id"));
            if (id < 0 || id >= data.rows().size()) {
                throw new Refusal(404, "no such record");
            }
            json(context.request(), codecs.encodeOne(data.rows().get((int) id)));
        });
        CollectionNames.AFTER_RECORD.forEach(name -> addCollection(router, name));
    }

    private static void addCollection(Router router, String name) {
        route(router, "/" + name + "/:id", path -> text(path.request(), name + " " + path.pathParam("id")));
        route(router, "/" + name + "/:id/items", path -> text(path.request(), name + " " + path.pathParam("id") + " items"));
        route(router, "/" + name + "/:id/items/:item",
            path -> text(path.request(), name + " " + path.pathParam("id") + " items " + path.pathParam("item")));
    }

    private interface Handler {
        void handle(HttpServerRequest request, Map<String, Long> values);
    }

    private void get(String path, Map<String, Parameters.Limits> limits, Handler handler) {
        exact.put(path, request -> {
            if (request.method() != HttpMethod.GET && request.method() != HttpMethod.HEAD) {
                request.response().putHeader(HttpHeaders.ALLOW, "GET, HEAD");
                refuse(request, new Refusal(405, "not by this method"));
                return;
            }
            refusing(request, () -> handler.handle(request, numbers(request, limits)));
        });
    }

    /** A route with parameters in its path, and none in its query. */
    private static void route(Router router, String path, Consumer<RoutingContext> answer) {
        router.route(path).method(HttpMethod.GET).method(HttpMethod.HEAD).handler(context -> refusing(context.request(), () -> {
            numbers(context.request(), Parameters.NOTHING);
            answer.accept(context);
        }));
    }

    private void validate(HttpServerRequest request) {
        if (request.method() != HttpMethod.POST) {
            request.response().putHeader(HttpHeaders.ALLOW, "POST");
            refuse(request, new Refusal(405, "not by this method"));
            return;
        }
        Buffer body = Buffer.buffer();
        request.handler(chunk -> {
            if (body.length() <= Schema.MAX_BODY_BYTES) { // what comes beyond is read and forgotten
                body.appendBuffer(chunk);
            }
        });
        request.endHandler(ended -> refusing(request, () -> {
            if (body.length() > Schema.MAX_BODY_BYTES) {
                throw new Refusal(413, "a body has at most " + Schema.MAX_BODY_BYTES + " bytes");
            }
            Long count = numbers(request, Parameters.BODY).get("count");
            json(request, count == null
                ? codecs.encodeOne(BodyParser.parseOne(body.getBytes()))
                : Buffer.buffer(codecs.encode(BodyParser.parseMany(body.getBytes(), count))));
        }));
    }

    private static Map<String, Long> numbers(HttpServerRequest request, Map<String, Parameters.Limits> limits) {
        return request.query() == null ? Map.of() : Parameters.numbers(request.params(), limits);
    }

    private static void refusing(HttpServerRequest request, Runnable work) {
        try {
            work.run();
        } catch (Refusal refusal) {
            refuse(request, refusal);
        }
    }

    private static void refuse(HttpServerRequest request, Refusal refusal) {
        request.response().setStatusCode(refusal.status).putHeader(CONTENT_TYPE, TEXT).end(refusal.getMessage() + "\n");
    }

    private static void text(HttpServerRequest request, String body) {
        request.response().putHeader(CONTENT_TYPE, TEXT).end(body);
    }

    private static void json(HttpServerRequest request, Buffer body) {
        request.response().putHeader(CONTENT_TYPE, JSON).end(body);
    }

    private static <T> List<T> first(List<T> all, Map<String, Long> values) {
        return all.subList(0, values.getOrDefault("count", (long) all.size()).intValue());
    }
}
