// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.data.StatusCode;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.core.NumericRange;
import org.eclipse.milo.opcua.sdk.core.ValueRanks;
import org.eclipse.milo.opcua.sdk.server.items.DataItem;
import org.eclipse.milo.opcua.sdk.server.nodes.UaNodeContext;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.stack.core.AttributeId;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.QualifiedName;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.jspecify.annotations.Nullable;

/**
 * A read-only variable whose value is pushed to the monitored items the moment it is set; nothing samples it. Where nobody
 * listens, setting a number stores three fields and allocates nothing.
 *
 * <p>Its monitor guards value and listeners together, so a new listener gets the present value and every later one, each
 * once and in order.
 */
final class PushNode extends UaVariableNode {
    /** 100 ns units between 1601 and 1970. */
    private static final long EPOCH = 116_444_736_000_000_000L;

    private static final DataItem[] NOBODY = {};

    private final boolean bool;
    private double number = Double.NaN;
    private @Nullable Variant other;
    private int status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
    private long timeNs;
    private @Nullable DataValue built;
    private DataItem[] listeners = NOBODY;

    PushNode(
            UaNodeContext context,
            NodeId id,
            QualifiedName browseName,
            String description,
            NodeId type,
            boolean array) {
        super(
                context,
                id,
                browseName,
                LocalizedText.english(Objects.requireNonNull(browseName.name())),
                LocalizedText.english(description),
                UInteger.MIN,
                UInteger.MIN,
                new DataValue(Variant.NULL_VALUE),
                type,
                array ? ValueRanks.OneDimension : ValueRanks.Scalar,
                array ? new UInteger[] {UInteger.MIN} : null,
                AccessLevel.toValue(AccessLevel.CurrentRead),
                AccessLevel.toValue(AccessLevel.CurrentRead),
                0.0, // reported by exception, Part 3 §5.6.2
                false);
        bool = NodeIds.Boolean.equals(type);
    }

    /** Sets value, status and source time, also where all three are as before. */
    synchronized void set(double value, int status, long timeNs) {
        number = value;
        other = null;
        this.status = status;
        this.timeNs = timeNs;
        changed();
    }

    /** Sets a figure; while it does not change, its source time stays that of the last change. */
    synchronized void change(double value, long timeNs) {
        if (other != null || status != StatusCode.GOOD || Double.compare(number, value) != 0) {
            set(value, StatusCode.GOOD, timeNs);
        }
    }

    /** Sets something that is no plain number; while it does not change, its source time stays that of the last change. */
    synchronized void change(Variant value, long timeNs) {
        if (status != StatusCode.GOOD || !same(value)) {
            other = value;
            status = StatusCode.GOOD;
            this.timeNs = timeNs;
            changed();
        }
    }

    /** Takes the value away; while the reason does not change, its source time stays that of the last change. */
    synchronized void bad(int status, long timeNs) {
        if (this.status != status) {
            this.status = status;
            this.timeNs = timeNs;
            changed();
        }
    }

    synchronized int status() {
        return status;
    }

    synchronized void attach(DataItem item) {
        if (Arrays.asList(listeners).contains(item)) {
            return;
        }
        listeners = Arrays.copyOf(listeners, listeners.length + 1);
        listeners[listeners.length - 1] = item;
        deliver(item);
    }

    synchronized void attach(List<DataItem> items) {
        items.forEach(this::attach);
    }

    synchronized void detach(DataItem item) {
        listeners = Arrays.stream(listeners).filter(other -> other != item).toArray(DataItem[]::new);
    }

    /** For an item that was switched on again. */
    synchronized void deliver(DataItem item) {
        if (item.isSamplingEnabled()) {
            item.setValue(part(value(), item.getReadValueId().getIndexRange()));
        }
    }

    /** What an index range leaves of the value (Part 4 §7.27), for texts and arrays. */
    private static DataValue part(DataValue value, @Nullable String indexRange) {
        if (indexRange == null || indexRange.isEmpty() || value.value().isNull()) {
            return value;
        }
        try {
            Object some = NumericRange.readFromValueAtRange(value.value(), NumericRange.parse(indexRange));
            return new DataValue(new Variant(some), value.statusCode(), value.sourceTime(), null);
        } catch (UaException e) {
            return new DataValue(Variant.NULL_VALUE, e.getStatusCode(), value.sourceTime(), null);
        }
    }

    @Override
    public synchronized Object getAttribute(AttributeId attribute) {
        if (attribute == AttributeId.Value) {
            return value().withServerTime(DateTime.now());
        }
        return super.getAttribute(attribute);
    }

    /** What one queued value takes: that of a number, or the present text or structure. */
    synchronized long valueBytes() {
        return other == null ? ItemShares.NUMBER_BYTES : ItemShares.NUMBER_BYTES + AnswerSize.of(value());
    }

    static long nanos(Instant time) {
        return time.getEpochSecond() * 1_000_000_000L + time.getNano();
    }

    static @Nullable DateTime dateTime(long timeNs) {
        return timeNs == 0 ? null : new DateTime(Math.floorDiv(timeNs, 100L) + EPOCH);
    }

    private boolean same(Variant value) {
        return other != null && Objects.deepEquals(other.value(), value.value());
    }

    private void changed() {
        built = null;
        for (DataItem item : listeners) {
            deliver(item);
        }
    }

    private DataValue value() {
        DataValue value = built;
        if (value == null) {
            // without a server time here, Milo adds the time of sending where the client asked for it
            value = new DataValue(
                    variant(),
                    status == StatusCode.GOOD
                            ? org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode.GOOD
                            : new org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode(status),
                    dateTime(timeNs),
                    null);
            built = value;
        }
        return value;
    }

    /** Part 4 §7.11.1: where the status is Bad the value is null. */
    private Variant variant() {
        if (StatusCode.isBad(status)) {
            return Variant.NULL_VALUE;
        }
        Variant set = other;
        if (set != null) {
            return set;
        }
        return bool ? Variant.ofBoolean(number != 0) : Variant.ofDouble(number);
    }
}
