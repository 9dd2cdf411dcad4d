// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.netty.channel.Channel;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.apache.plc4x.java.DefaultPlcDriverManager;
import org.apache.plc4x.java.api.PlcConnection;
import org.apache.plc4x.java.api.messages.PlcReadRequest;
import org.apache.plc4x.java.api.messages.PlcReadResponse;
import org.apache.plc4x.java.api.messages.PlcWriteRequest;
import org.apache.plc4x.java.api.messages.PlcWriteResponse;
import org.apache.plc4x.java.api.types.PlcResponseCode;
import org.apache.plc4x.java.api.value.PlcValue;
import org.apache.plc4x.java.spi.connection.ChannelExposingConnection;

/**
 * A connection of PLC4X, used for raw registers and bits alone. Calls come from one thread.
 *
 * <p>Bits are asked one tag each, because {@code coil:1:BOOL[10]} answers with a single value (apache/plc4x#2060); PLC4X
 * merges them into one request.
 */
final class Plc4xWire implements Wire {
    private static final int REQUESTS_KEPT = 4096;

    private final PlcConnection connection;
    private final Channel channel;
    private final CompletableFuture<Void> gone = new CompletableFuture<>();
    private final Map<Range, PlcReadRequest> reads = new HashMap<>();

    private record Range(Area area, int start, int count) {}

    private Plc4xWire(PlcConnection connection) {
        this.connection = connection;
        channel = ((ChannelExposingConnection) connection).getChannel();
        channel.closeFuture().addListener(closed -> gone.complete(null));
    }

    /** The class loader is this bundle's own, in OSGi as on a class path: it sees drivers and transport alike. */
    static Opener opener(Settings settings) {
        DefaultPlcDriverManager drivers = new DefaultPlcDriverManager(Plc4xWire.class.getClassLoader());
        String url = "modbus-tcp:" + QuietTcpTransport.CODE + "://" + settings.host() + ":" + settings.port() + "/"
                + settings.name()
                + "?default-unit-identifier=" + settings.unitIdentifier()
                + "&request-timeout=" + settings.requestTimeoutMs()
                + "&" + QuietTcpTransport.CODE + ".default-timeout=" + settings.connectTimeoutMs();
        return () -> new Plc4xWire(drivers.getConnection(url));
    }

    @Override
    public CompletableFuture<Reply> read(Area area, int start, int count) {
        try {
            if (reads.size() > REQUESTS_KEPT) {
                reads.clear();
            }
            PlcReadRequest request = reads.computeIfAbsent(new Range(area, start, count), this::request);
            return request.execute().thenApply(response -> reply(response, area, count));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private PlcReadRequest request(Range range) {
        PlcReadRequest.Builder builder = connection.readRequestBuilder();
        String prefix = range.area().notation + ":";
        if (range.area().bits) {
            for (int i = 0; i < range.count(); i++) {
                builder.addTagAddress(Integer.toString(i), prefix + (range.start() + i + 1) + ":BOOL");
            }
        } else {
            builder.addTagAddress("0", prefix + (range.start() + 1) + ":UINT[" + range.count() + "]");
        }
        return builder.build();
    }

    private static Reply reply(PlcReadResponse response, Area area, int count) {
        long nanos = System.nanoTime();
        if (response == null) {
            throw new CompletionException(new IllegalStateException("the answer is not what was asked for"));
        }
        int[] values = new int[count];
        if (area.bits) {
            for (int i = 0; i < count; i++) {
                String tag = Integer.toString(i);
                Code code = code(response.getResponseCode(tag));
                if (code != Code.OK) {
                    return new Reply(code, Reply.NOTHING, nanos);
                }
                values[i] = response.getBoolean(tag) ? 1 : 0;
            }
            return new Reply(Code.OK, values, nanos);
        }
        Code code = code(response.getResponseCode("0"));
        if (code != Code.OK) {
            return new Reply(code, Reply.NOTHING, nanos);
        }
        PlcValue value = response.getPlcValue("0");
        if (value.getLength() != count) {
            throw new CompletionException(new IllegalStateException(
                    "asked for " + count + " registers, the device sent " + value.getLength()));
        }
        for (int i = 0; i < count; i++) {
            values[i] = (count == 1 ? value : value.getIndex(i)).getInteger();
        }
        return new Reply(Code.OK, values, nanos);
    }

    @Override
    public CompletableFuture<Reply> write(Area area, int start, int[] values) {
        try {
            Object[] boxed = new Object[values.length];
            for (int i = 0; i < values.length; i++) {
                if (area.bits) {
                    boxed[i] = values[i] != 0;
                } else {
                    boxed[i] = values[i];
                }
            }
            String type = area.bits ? ":BOOL" : ":UINT";
            PlcWriteRequest request = connection
                    .writeRequestBuilder()
                    .addTagAddress("0", area.notation + ":" + (start + 1) + type + "[" + values.length + "]", boxed)
                    .build();
            return request.execute().thenApply(Plc4xWire::reply);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private static Reply reply(PlcWriteResponse response) {
        return new Reply(code(response.getResponseCode("0")), Reply.NOTHING, System.nanoTime());
    }

    private static Code code(PlcResponseCode code) {
        return switch (code) {
            case OK -> Code.OK;
            case INVALID_ADDRESS, NOT_FOUND, ACCESS_DENIED -> Code.ADDRESS;
            case INVALID_DATA, INVALID_DATATYPE -> Code.DATA;
            case UNSUPPORTED -> Code.UNSUPPORTED;
            case REMOTE_BUSY -> Code.BUSY;
            default -> Code.DEVICE;
        };
    }

    @Override
    public CompletableFuture<Void> gone() {
        return gone;
    }

    /** Closes the channel, not PLC4X's connection: that would wait. The transport clears up behind it. */
    @Override
    public void close() {
        var unused = channel.close();
    }

    @Override
    public void awaitClosed(long millis) throws InterruptedException {
        channel.eventLoop().parent().awaitTermination(millis, TimeUnit.MILLISECONDS);
    }
}
