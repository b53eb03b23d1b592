import io.vertx.core.AbstractVerticle;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import restmark.CollectionNames;
import restmark.Dataset;
import restmark.Digest;
import restmark.Loop;
import restmark.Options;
import restmark.Parameters;
import restmark.Refusal;
import restmark.Row;
import restmark.Schema;

/** restmark's workloads by Vert.x Web and Jackson: one verticle, and one event loop, for each worker. */
public final class Main extends AbstractVerticle {
    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String JSON = "application/json";

    private final Options options;
    private final Dataset data;
    private final Buffer fullJson; // the one body that may be prepared

    private Main(Options options, Dataset data, Buffer fullJson) {
        this.options = options;
        this.data = data;
        this.fullJson = fullJson;
    }

    public static void main(String[] arguments) {
        Options options = Options.parse(arguments);
        try {
            Dataset data = Dataset.load(options.dataset());
            Buffer fullJson = Buffer.buffer(Codecs.encode(data.rows()));
            Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(options.workers()));
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
        // Vert.x would take a path with a slash behind it for the same.
        router.route().handler(context -> {
            if (context.normalizedPath().length() > 1 && context.normalizedPath().endsWith("/")) {
                refuse(context, new Refusal(404, "no such path"));
            } else {
                context.next();
            }
        });
        router.errorHandler(413, context -> refuse(context, new Refusal(413, "a body has at most " + Schema.MAX_BODY_BYTES + " bytes")));
        addFive(router);
        addThree(router);
        HttpServerOptions server = new HttpServerOptions().setHost(options.host()).setPort(options.port());
        vertx.createHttpServer(server).requestHandler(router).listen().<Void>mapEmpty().onComplete(started);
    }

    private void addFive(Router router) {
        List<Row> rows = data.rows();
        Map<String, Parameters.Limits> digestible = Parameters.countAndDigest(rows.size());
        Map<String, Parameters.Limits> countable = Parameters.count(rows.size());
        get(router, "/", Parameters.NOTHING, (context, values) -> text(context, "Welcome!\n"));
        get(router, "/parse-msgpack", digestible, (context, values) -> {
            Digest asked = Parameters.digest(values);
            List<Row> decoded = Codecs.decode(first(data.encoded(), values));
            text(context, asked == null ? decoded.size() : asked.ofDecoded(decoded));
        });
        get(router, "/encode-json", digestible, (context, values) -> {
            Digest asked = Parameters.digest(values);
            List<Row> part = first(rows, values);
            text(context, asked == null ? Codecs.encode(part).length : asked.ofEncoded(part, Codecs::encode));
        });
        get(router, "/transfer-data", countable, (context, values) -> {
            List<Row> part = first(rows, values);
            json(context, part.size() == rows.size() ? fullJson : Buffer.buffer(Codecs.encode(part)));
        });
        get(router, "/million-loop", Parameters.LOOP, (context, values) ->
            text(context, Loop.run(values.getOrDefault("n", 1_000_000L), values.getOrDefault("seed", 0L))));
    }

    private void addThree(Router router) {
        router.post("/validate").handler(BodyHandler.create(false).setBodyLimit(Schema.MAX_BODY_BYTES));
        handle(router.post("/validate"), Parameters.BODY, (context, values) -> {
            byte[] body = context.body().buffer() == null ? new byte[0] : context.body().buffer().getBytes();
            Long count = values.get("count");
            json(context, Buffer.buffer(Codecs.encode(count == null ? Codecs.parseOne(body) : Codecs.parseMany(body, count))));
        });
        get(router, "/wait", Parameters.WAIT, (context, values) -> {
            long ms = values.getOrDefault("ms", 100L);
            if (ms == 0) { // a timer has at least one
                text(context, ms);
                return;
            }
            long timer = vertx.setTimer(ms, over -> text(context, ms));
            context.response().closeHandler(closed -> vertx.cancelTimer(timer));
        });
        CollectionNames.BEFORE_RECORD.forEach(name -> addCollection(router, name));
        get(router, "/record/:id", Parameters.NOTHING, (context, values) -> {
            long id = Parameters.digits(context.pathParam("id"));
            if (id < 0 || id >= data.rows().size()) {
                throw new Refusal(404, "no such record");
            }
            json(context, Buffer.buffer(Codecs.encode(data.rows().get((int) id))));
        });
        CollectionNames.AFTER_RECORD.forEach(name -> addCollection(router, name));
    }

    private static void addCollection(Router router, String name) {
        answer(router, "/" + name + "/:id", path -> name + " " + path.pathParam("id"));
        answer(router, "/" + name + "/:id/items", path -> name + " " + path.pathParam("id") + " items");
        answer(router, "/" + name + "/:id/items/:item",
            path -> name + " " + path.pathParam("id") + " items " + path.pathParam("item"));
    }

    private interface Handler {
        void handle(RoutingContext context, Map<String, Long> values);
    }

    private static void get(Router router, String path, Map<String, Parameters.Limits> limits, Handler handler) {
        handle(router.route(path).method(HttpMethod.GET).method(HttpMethod.HEAD), limits, handler);
    }

    private static void answer(Router router, String path, Function<RoutingContext, String> answer) {
        get(router, path, Parameters.NOTHING, (context, values) -> text(context, answer.apply(context)));
    }

    /** The handler gets the query's values. What it, or their check, refuses is answered so. */
    private static void handle(Route route, Map<String, Parameters.Limits> limits, Handler handler) {
        route.handler(context -> {
            try {
                handler.handle(context, Parameters.numbers(context.queryParams(), limits));
            } catch (Refusal refusal) {
                refuse(context, refusal);
            }
        });
    }

    private static void refuse(RoutingContext context, Refusal refusal) {
        context.response().setStatusCode(refusal.status).putHeader("Content-Type", TEXT).end(refusal.getMessage() + "\n");
    }

    private static void text(RoutingContext context, Object value) {
        context.response().putHeader("Content-Type", TEXT).end(value.toString());
    }

    private static void json(RoutingContext context, Buffer body) {
        context.response().putHeader("Content-Type", JSON).end(body);
    }

    private static <T> List<T> first(List<T> all, Map<String, Long> values) {
        return all.subList(0, values.getOrDefault("count", (long) all.size()).intValue());
    }
}
