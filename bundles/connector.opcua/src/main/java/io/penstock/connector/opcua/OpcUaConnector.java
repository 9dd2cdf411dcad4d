// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagListReader;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.TagWriter;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.connector.opcua.TagStates.Place;
import io.penstock.opcua.stack.ApplicationCertificate;
import io.penstock.opcua.stack.BouncyCastle;
import io.penstock.opcua.stack.CertificatePolicy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.jspecify.annotations.Nullable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One OPC UA server: subscribes to the tags of its list and writes those that are writable, over one session. */
@Component(
        name = OpcUaConnector.PID,
        configurationPid = OpcUaConnector.PID,
        configurationPolicy = ConfigurationPolicy.REQUIRE,
        service = {TagSource.class, TagWriter.class})
@Designate(ocd = OpcUaConnector.Config.class, factory = true)
public final class OpcUaConnector implements TagSource, TagWriter {
    static final String PID = "io.penstock.connector.opcua";
    private static final Logger LOG = LoggerFactory.getLogger(OpcUaConnector.class);

    @ObjectClassDefinition(
            name = "OPC UA server",
            description = "Subscribes to and writes the tags of one OPC UA server.")
    @interface Config {
        @AttributeDefinition(description = "Name of the connector, unique on the gateway.")
        String name();

        @AttributeDefinition(description = "Address of the server, e.g. opc.tcp://10.0.0.7:4840/plant.")
        String endpointUrl();

        @AttributeDefinition(
                description = "Tag list in etc/tags; addresses are ns=2;s=AT-1003 or nsu=urn:plant;s=AT-1003.")
        String tags();

        @AttributeDefinition(
                description = "Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss, or None for no security.")
        String securityPolicy() default "Basic256Sha256";

        @AttributeDefinition(description = "SignAndEncrypt, Sign, or None together with securityPolicy None.")
        String securityMode() default "SignAndEncrypt";

        @AttributeDefinition(description = "User at the server.")
        String userName() default "";

        @AttributeDefinition(description = "File below the gateway's home that holds that user's password.")
        String passwordFile() default "";

        @AttributeDefinition(description = "true: no user; only where the server takes it and the plant agreed.")
        boolean anonymous() default false;

        @AttributeDefinition(description = "How often the server sends changes in ms, 1 to 60000.")
        long publishingIntervalMs() default 100;

        @AttributeDefinition(description = "Values the server keeps per tag between two sendings, 2 to 100000.")
        int queueSize() default 100;

        @AttributeDefinition(description = "Deadline of each request in ms, 100 to 60000.")
        long requestTimeoutMs() default 5_000;

        @AttributeDefinition(
                description = "The connection is asked for a sign of life that often, in ms; a dead one is found within"
                        + " keepAliveMs + requestTimeoutMs.")
        long keepAliveMs() default 5_000;

        @AttributeDefinition(description = "How long after a loss the tags turn from Uncertain to Bad, in ms. Needed.")
        long lossToBadMs();

        @AttributeDefinition(description = "First pause before connecting again in ms; it doubles each time.")
        long retryMs() default 1_000;

        @AttributeDefinition(description = "Longest pause before connecting again in ms.")
        long maxRetryMs() default 30_000;

        @AttributeDefinition(description = "How often nodes the server does not know are asked for again, in ms.")
        long nodeRetryMs() default 10_000;

        @AttributeDefinition(
                description =
                        "Shortest RSA key in the server's certificate and those of its issuers, 2048 to 4096 bits.")
        int minimumRsaBits() default CertificatePolicy.LEAST_RSA_BITS;

        @AttributeDefinition(
                description =
                        "Whether each authority in the server's chain needs a current revocation list: required, or"
                                + " tolerated where they may be missing or expired.")
        String revocationLists() default CertificatePolicy.REQUIRED;
    }

    private final Settings settings;
    private final Path home;
    private final Clock clock;
    private final TagStates tags;
    private @Nullable Io io;
    private @Nullable Connection connection;

    @Activate
    public OpcUaConnector(@Reference TagListReader reader, BundleContext context, Config config) {
        this(Settings.of(config, reader.read(config.tags())), home(context), Clock.systemUTC());
    }

    OpcUaConnector(Settings settings, Path home, Clock clock) {
        this.settings = settings;
        this.home = home;
        this.clock = clock;
        tags = new TagStates(settings.name(), settings.tags(), clock);
    }

    private static Path home(BundleContext context) {
        String home = context.getProperty("penstock.home");
        if (home == null || home.isEmpty()) {
            throw new IllegalStateException("penstock.home is not set; start the gateway by bin/penstock-gateway");
        }
        return Path.of(home);
    }

    /** @throws IllegalStateException if the gateway's own key or certificate cannot be used; the message names the file. */
    @Activate
    void start() {
        Path directory = home.resolve("data").resolve("connector.opcua").resolve(settings.name());
        ApplicationCertificate own = null;
        if (settings.secure()) {
            own = ApplicationCertificate.loadOrCreate(
                    directory.resolve("own"), "Penstock " + settings.name(), settings.applicationUri(), hosts());
            LOG.info(
                    "{}: own certificate {}, SHA-1 thumbprint {}",
                    settings.name(),
                    home.relativize(own.file()),
                    ApplicationCertificate.thumbprint(own.certificate()));
        }
        if (settings.policy() == SecurityPolicy.Aes256_Sha256_RsaPss) {
            BouncyCastle.register();
        }
        ServerTrust trust;
        try {
            trust = new ServerTrust(
                    home,
                    directory,
                    settings.serverCertificates(),
                    own == null
                            ? Instant.EPOCH
                            : own.certificate().getNotBefore().toInstant(),
                    clock);
        } catch (IOException e) {
            throw new UncheckedIOException("trust folders in " + directory + ": " + e.getMessage(), e);
        }
        Io opened = new Io(settings.name());
        io = opened;
        Connection made = new Connection(settings, home, tags, opened, trust, own, clock);
        connection = made;
        String warning = made.warning();
        if (!warning.isEmpty()) {
            LOG.warn("{}: {}", settings.name(), warning);
        }
        made.start();
    }

    private static List<String> hosts() {
        try {
            String name = InetAddress.getLocalHost().getHostName();
            return name.isEmpty() ? List.of("localhost") : List.of(name);
        } catch (UnknownHostException e) {
            return List.of("localhost");
        }
    }

    @Deactivate
    void stop() {
        if (connection != null) {
            connection.stop();
        }
        if (io != null) {
            io.stop();
        }
    }

    @Override
    public String name() {
        return settings.name();
    }

    @Override
    public List<TagDefinition> tags() {
        return settings.tags();
    }

    @Override
    public ConnectionStatus connection() {
        if (connection == null) {
            return new ConnectionStatus(ConnectionStatus.State.CONNECTING, "", "", null, 0, 0);
        }
        return connection.status();
    }

    @Override
    public Subscription subscribe(SampleListener listener) {
        if (io == null) {
            throw new IllegalStateException(settings.name() + " is not started");
        }
        return tags.subscribe(listener, io.executor());
    }

    /** What did not become a sample, for diagnosis. */
    TagStates.Counts counts() {
        return tags.counts();
    }

    @Override
    public boolean writes(TagId tag) {
        Place place = tags.place(tag);
        return place != null && place.item().definition.writable();
    }

    @Override
    public CompletionStage<Integer> write(TagId tag, double value, long deadlineMs) {
        Place place = tags.place(tag);
        if (place == null) {
            return CompletableFuture.completedFuture(StatusCode.BAD_NODE_ID_UNKNOWN);
        }
        TagDefinition definition = place.item().definition;
        if (!definition.writable()) {
            return CompletableFuture.completedFuture(StatusCode.BAD_NOT_WRITABLE);
        }
        Object typed = WireValue.typed(definition.scaling().toRaw(value), definition.dataType());
        if (typed == null) {
            return CompletableFuture.completedFuture(StatusCode.BAD_OUT_OF_RANGE);
        }
        ClientSession session = connection == null ? null : connection.session();
        if (session == null) {
            return CompletableFuture.completedFuture(StatusCode.BAD_NOT_CONNECTED);
        }
        NodeId node = session.node(place.item());
        if (node == null) {
            return CompletableFuture.completedFuture(StatusCode.BAD_NODE_ID_UNKNOWN);
        }
        return session.write(
                node, range(place), definition.length() == 1 ? typed : WireValue.arrayOfOne(typed), deadlineMs);
    }

    @Override
    public CompletionStage<Sample> read(TagId tag, long deadlineMs) {
        Place place = tags.place(tag);
        if (place == null) {
            return CompletableFuture.completedFuture(
                    new Sample(tag, Double.NaN, StatusCode.BAD_NODE_ID_UNKNOWN, 0, System.nanoTime()));
        }
        ClientSession session = connection == null ? null : connection.session();
        if (session == null) {
            return CompletableFuture.completedFuture(failed(tag, place, StatusCode.BAD_NOT_CONNECTED));
        }
        NodeId node = session.node(place.item());
        if (node == null) {
            return CompletableFuture.completedFuture(failed(tag, place, StatusCode.BAD_NODE_ID_UNKNOWN));
        }
        return session.read(node, range(place), deadlineMs).thenApply(value -> sample(tag, place, value));
    }

    /** One element of an array travels alone (Part 4 §7.27). */
    private static @Nullable String range(Place place) {
        return place.item().definition.length() == 1 ? null : Integer.toString(place.index());
    }

    private Sample sample(TagId tag, Place place, DataValue value) {
        int status = (int) value.statusCode().value();
        if (StatusCode.isBad(status)) {
            return failed(tag, place, status);
        }
        TagDefinition definition = place.item().definition;
        String mismatch = WireValue.mismatch(value.value(), definition.dataType(), definition.length() == 1 ? 1 : 0);
        if (mismatch != null) {
            return failed(tag, place, StatusCode.BAD_TYPE_MISMATCH);
        }
        double number = definition.scaling().toEngineering(WireValue.number(value.value(), definition.length(), 0));
        return new Sample(
                tag,
                TagStates.finite(number),
                TagStates.status(number, status),
                TagStates.timeNs(value),
                System.nanoTime());
    }

    private Sample failed(TagId tag, Place place, int status) {
        return new Sample(tag, Double.NaN, status, tags.lastTimeNs(place), System.nanoTime());
    }
}
