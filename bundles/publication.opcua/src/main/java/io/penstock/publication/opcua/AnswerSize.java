// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.eclipse.milo.opcua.stack.core.util.FutureUtils.failedUaFuture;

import java.lang.reflect.Array;
import java.util.concurrent.CompletableFuture;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.types.UaResponseMessageType;
import org.eclipse.milo.opcua.stack.core.types.builtin.ByteString;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.ExtensionObject;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseNextResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseResponse;
import org.eclipse.milo.opcua.stack.core.types.structured.BrowseResult;
import org.eclipse.milo.opcua.stack.core.types.structured.ReadResponse;
import org.jspecify.annotations.Nullable;

/**
 * How large an answer will be, roughly, before Milo encodes it: ten thousand times one long text is a small object and a
 * gigabyte on the wire.
 */
final class AnswerSize {
    static final long MOST = 2 << 20;
    private static final int VALUE = 32;
    private static final int REFERENCE = 100;

    private AnswerSize() {}

    /** The answer, or BadResponseTooLarge (Part 4 §5.3). */
    static CompletableFuture<UaResponseMessageType> checked(UaResponseMessageType answer) {
        return of(answer) > MOST
                ? failedUaFuture(StatusCodes.Bad_ResponseTooLarge)
                : CompletableFuture.completedFuture(answer);
    }

    private static long of(@Nullable UaResponseMessageType answer) {
        long bytes = 0;
        if (answer instanceof ReadResponse read && read.getResults() != null) {
            for (DataValue value : read.getResults()) {
                bytes += of(value);
            }
        } else if (answer instanceof BrowseResponse browse) {
            bytes += of(browse.getResults());
        } else if (answer instanceof BrowseNextResponse browse) {
            bytes += of(browse.getResults());
        }
        return bytes;
    }

    private static long of(BrowseResult @Nullable [] results) {
        long bytes = 0;
        for (BrowseResult result : results == null ? new BrowseResult[0] : results) {
            bytes += result.getReferences() == null ? 0 : (long) REFERENCE * result.getReferences().length;
        }
        return bytes;
    }

    /** Of one value on the wire, with status and times. */
    static long of(@Nullable DataValue value) {
        return VALUE
                + (value == null || value.value() == null ? 0 : of(value.value().value()));
    }

    /** Two surrogates make four bytes, any other character at most three. */
    private static long utf8(String text) {
        long bytes = 0;
        for (int i = 0; i < text.length(); i++) {
            char each = text.charAt(i);
            bytes += each < 0x80 ? 1 : each < 0x800 || Character.isSurrogate(each) ? 2 : 3;
        }
        return bytes;
    }

    private static long of(@Nullable Object value) {
        if (value instanceof String text) {
            return utf8(text);
        }
        if (value instanceof ByteString bytes) {
            return bytes.bytesOrEmpty().length;
        }
        if (value instanceof LocalizedText text) {
            return of(text.text()) + VALUE;
        }
        if (value instanceof ExtensionObject object) {
            return of(object.getBody()) + VALUE;
        }
        if (value instanceof Variant variant) {
            return of(variant.value());
        }
        if (value instanceof Object[] values) {
            long bytes = 0;
            for (Object each : values) {
                bytes += of(each) + 4;
            }
            return bytes;
        }
        return value != null && value.getClass().isArray() ? 8L * Array.getLength(value) : VALUE;
    }
}
