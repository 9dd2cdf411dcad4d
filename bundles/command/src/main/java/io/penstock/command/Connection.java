// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One caller: one line in, one line out, then closed. Everything but {@link #begin} belongs to the server's thread.
 */
final class Connection {
    static final int LONGEST_REQUEST = 8 * 1024;
    static final int LONGEST_ANSWER = 512 * 1024;

    /** How far a request is. Who withdraws it and who begins it agree by this. */
    enum Work {
        READING,
        WAITING,
        BEGUN,
        WITHDRAWN
    }

    final SocketChannel channel;
    private final ByteBuffer in = ByteBuffer.allocate(LONGEST_REQUEST);
    private final AtomicReference<Work> work = new AtomicReference<>(Work.READING);
    private @Nullable ByteBuffer out;
    long deadlineNanos;

    Connection(SocketChannel channel, long deadlineNanos) {
        this.channel = channel;
        this.deadlineNanos = deadlineNanos;
    }

    Work work() {
        return work.get();
    }

    boolean writing() {
        return out != null;
    }

    /** Called by the thread that carries it out; false where the caller has gone or waits no more. */
    boolean begin() {
        return work.compareAndSet(Work.WAITING, Work.BEGUN);
    }

    void waits() {
        work.set(Work.WAITING);
    }

    /** Nobody waits for it any more. */
    boolean withdraw() {
        return work.compareAndSet(Work.WAITING, Work.WITHDRAWN);
    }

    /**
     * Reads on.
     *
     * @return the request once its line is complete, null before.
     * @throws IOException if the caller is gone.
     * @throws IllegalArgumentException if it can be no request.
     */
    @Nullable
    String read() throws IOException {
        int n = channel.read(in);
        if (n < 0) {
            throw new IOException("closed");
        }
        int length = in.position();
        for (int i = length - n; i < length; i++) {
            if (in.get(i) == '\n') {
                try {
                    return StandardCharsets.UTF_8
                            .newDecoder()
                            .onMalformedInput(CodingErrorAction.REPORT)
                            .onUnmappableCharacter(CodingErrorAction.REPORT)
                            .decode(ByteBuffer.wrap(in.array(), 0, i))
                            .toString();
                } catch (CharacterCodingException e) {
                    throw new IllegalArgumentException("request: is not UTF-8", e);
                }
            }
        }
        if (!in.hasRemaining()) {
            throw new IllegalArgumentException("request: at most " + LONGEST_REQUEST + " bytes in one line");
        }
        return null;
    }

    /** After the request nothing is to come but the end, which withdraws it. */
    boolean ended() throws IOException {
        in.clear();
        return channel.read(in) < 0;
    }

    void answer(Map<String, @Nullable Object> answer, long deadline) {
        byte[] line = (Json.write(answer) + "\n").getBytes(StandardCharsets.UTF_8);
        if (line.length > LONGEST_ANSWER) {
            line = (Json.write(Commands.refused(
                                    "too-large",
                                    "the answer has " + line.length + " bytes, at most " + LONGEST_ANSWER
                                            + "; ask for one pipeline"))
                            + "\n")
                    .getBytes(StandardCharsets.UTF_8);
        }
        out = ByteBuffer.wrap(line);
        deadlineNanos = deadline;
    }

    /** @return whether all is written. */
    boolean write() throws IOException {
        ByteBuffer bytes = out;
        if (bytes == null) {
            return false;
        }
        channel.write(bytes);
        return !bytes.hasRemaining();
    }

    void close() {
        withdraw();
        try {
            channel.close();
        } catch (IOException e) {
            // it is gone
        }
    }
}
