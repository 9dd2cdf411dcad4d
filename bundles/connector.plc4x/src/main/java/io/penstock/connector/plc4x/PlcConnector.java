// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.TagDefinition;
import io.penstock.api.acquisition.TagListReader;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.actuation.TagWriter;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ConfigurationPolicy;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.Designate;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** Reads and writes one PLC. What may be written is {@code actuation}'s affair; here is only the wire. */
@Component(
        name = PlcConnector.PID,
        service = {TagSource.class, TagWriter.class},
        immediate = true,
        configurationPolicy = ConfigurationPolicy.REQUIRE)
@Designate(ocd = PlcConnector.Config.class, factory = true)
public final class PlcConnector implements TagSource, TagWriter {
    static final String PID = "io.penstock.connector.plc4x";

    /** One PLC. */
    @ObjectClassDefinition(
            name = "PLC connector",
            description = "Reads and writes the tags of one PLC over Modbus TCP.")
    @interface Config {
        @AttributeDefinition(description = "Name of the connector, unique on the gateway, e.g. plc1. Has no default.")
        String name() default "";

        @AttributeDefinition(
                description = "modbus-tcp://<host>[:<port>], port 502 where none is given. Has no default.")
        String url() default "";

        @AttributeDefinition(
                description =
                        "Unit identifier of the device, 0 to 255; devices without a serial line behind them mostly"
                                + " answer to 1 or 255. Has no default: a write must not reach another device.")
        int unitIdentifier() default -1;

        @AttributeDefinition(description = "Name of the tag list in etc/tags, e.g. plc1.csv. Has no default.")
        String tags() default "";

        @AttributeDefinition(
                description = "After the connection was lost for so many ms, tags are BadNoCommunication instead of"
                        + " Uncertain; 0 to 86400000. Has no default: the plant knows how long old values are of use.")
        long lossToBadMs() default -1;

        @AttributeDefinition(description = "Longest wait for a connection in ms, 100 to 60000.")
        long connectTimeoutMs() default 3000;

        @AttributeDefinition(
                description = "Longest wait for one answer in ms, 10 to 60000; then the connection is rebuilt.")
        long requestTimeoutMs() default 1000;

        @AttributeDefinition(description = "First wait before a new connection in ms, 10 to 60000; doubles every time.")
        long backoffMinMs() default 500;

        @AttributeDefinition(description = "Longest wait before a new connection in ms, backoffMinMs to 3600000.")
        long backoffMaxMs() default 30_000;

        @AttributeDefinition(description = "Most registers in one request, 4 to 125; less for devices that want it.")
        int maxRegistersPerRequest() default 125;

        @AttributeDefinition(description = "Most coils or discrete inputs in one request, 1 to 2000.")
        int maxBitsPerRequest() default 2000;

        @AttributeDefinition(
                description = "Registers or bits that may be read in vain to join two tags in one request, 0 to 120.")
        int maxGap() default 8;

        @AttributeDefinition(
                description = "How often an address that the device refused is tried again, in ms, 1000 to 86400000.")
        long reprobeMs() default 60_000;
    }

    private final Settings settings;
    private final TagTable table;
    private final PlcPoller poller;

    @Activate
    public PlcConnector(@Reference TagListReader lists, Config config) {
        this(Settings.of(config), lists, null, Clock.systemUTC());
    }

    PlcConnector(Settings settings, TagListReader lists, @Nullable Supplier<Wire.Opener> openers, Clock clock) {
        this.settings = settings;
        table = new TagTable(lists.read(settings.tags()), settings);
        poller = new PlcPoller(settings, table, openers == null ? () -> Plc4xWire.opener(settings) : openers, clock);
    }

    @Activate
    void start() {
        poller.start();
    }

    @Deactivate
    void stop() {
        poller.stop();
    }

    @Override
    public String name() {
        return settings.name();
    }

    @Override
    public List<TagDefinition> tags() {
        return table.definitions();
    }

    @Override
    public ConnectionStatus connection() {
        return poller.status();
    }

    @Override
    public Subscription subscribe(SampleListener listener) {
        return poller.subscribe(listener);
    }

    @Override
    public boolean writes(TagId tag) {
        int element = table.find(tag);
        return element >= 0 && table.owner(element).definition().writable();
    }

    @Override
    public CompletionStage<Integer> write(TagId tag, double value, long deadlineMs) {
        int element = table.find(tag);
        if (element < 0) {
            return CompletableFuture.completedFuture(StatusCode.BAD_NODE_ID_UNKNOWN);
        }
        Item item = table.owner(element);
        if (!item.definition().writable()) {
            return CompletableFuture.completedFuture(StatusCode.BAD_NOT_WRITABLE);
        }
        double raw = item.raw(value);
        if (!item.fits(raw)) {
            return CompletableFuture.completedFuture(StatusCode.BAD_OUT_OF_RANGE);
        }
        Operation operation = new Operation(tag, element, item.encode(raw), deadline(deadlineMs));
        poller.submit(operation);
        return operation.written;
    }

    @Override
    public CompletionStage<Sample> read(TagId tag, long deadlineMs) {
        int element = table.find(tag);
        Operation operation = new Operation(tag, element, null, deadline(deadlineMs));
        if (element < 0) {
            operation.fail(StatusCode.BAD_NODE_ID_UNKNOWN, poller.wallNs());
        } else {
            poller.submit(operation);
        }
        return operation.seen;
    }

    private static long deadline(long deadlineMs) {
        return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Math.max(0, Math.min(deadlineMs, 86_400_000)));
    }
}
