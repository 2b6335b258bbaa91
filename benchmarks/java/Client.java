import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** POSTs with Java's own HttpClient, which offers HTTP/2 on plain HTTP unless it is told not to. */
public class Client {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static String url;
    private static String key;

    public static void main(String[] args) throws Exception {
        url = args[0];
        key = args[1];
        report("a small body", post(BodyPublishers.ofString(team("small", ""))));
        report("a body of 300 KB", post(BodyPublishers.ofString(team("large", " ".repeat(300_000)))));
        byte[] streamed = team("chunked", " ".repeat(100_000)).getBytes(StandardCharsets.UTF_8);
        report("a chunked body", post(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(streamed))));
        List<CompletableFuture<HttpResponse<String>>> parallel = new ArrayList<>();
        for (int number = 0; number < 50; number++) {
            parallel.add(send(BodyPublishers.ofString(team("parallel-" + number, ""))));
        }
        long created = parallel.stream().filter(answer -> answer.join().statusCode() == 200).count();
        System.out.println("50 at once: " + created + " times 200");
    }

    private static String team(String slug, String padding) {
        return "{\"name\": \"Java\", \"slug\": \"" + slug + "\"" + padding + "}";
    }

    private static HttpResponse<String> post(BodyPublisher body) throws Exception {
        return send(body).get();
    }

    private static CompletableFuture<HttpResponse<String>> send(BodyPublisher body) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/teams"))
            .header("Authorization", "Bearer " + key)
            .header("Content-Type", "application/json")
            .POST(body)
            .build();
        return CLIENT.sendAsync(request, BodyHandlers.ofString());
    }

    private static void report(String what, HttpResponse<String> answer) {
        boolean isRead = answer.body().contains("\"object\":\"team\"");
        System.out.println(what + ": " + answer.statusCode() + " over " + answer.version() + (isRead ? ", read" : ", LOST"));
    }
}
