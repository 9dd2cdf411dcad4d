// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.kit.faults;

import io.penstock.kit.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A disk for tests: it fills up, dies, fails at one call, hangs, and loses power. What is asked of it is done in real files, so
 * that code which reads them by other means sees it; beside, it knows what would survive. At a power cut each write that was
 * not forced may be there, not be there, or be there by either half, each on its own, and of the names that were made, changed or
 * deleted in a folder since it was forced any number of the first may be there. What was on disk before counts as forced.
 * One thread.
 */
public final class FaultyDisk extends Disk {
    /** The power is gone; every call from now on ends like this. */
    public static final class PowerCut extends IOException {
        private static final long serialVersionUID = 1L;

        private PowerCut(String call) {
            super("power cut at " + call);
        }
    }

    /** What happens to calls that change something. */
    public enum Mode {
        WORKS,
        /** What takes room is refused, half written. */
        FULL,
        /** Everything but reading is refused. */
        DEAD
    }

    private static final int LOST = 0;
    private static final int HALF = 1;
    private static final int REST = 2;
    private static final int STATES = 4;
    private static final int NEVER = -1;

    private final List<String> calls = new ArrayList<>();
    private final Map<Path, Content> names = new TreeMap<>();
    private final Map<Path, @Nullable Content> forcedNames = new TreeMap<>();
    private final List<NameChange> changes = new ArrayList<>();

    private Mode mode = Mode.WORKS;
    private int cutAt = NEVER;
    private int failAt = NEVER;
    private boolean cut;
    private Runnable before = () -> {};

    private static final class Content {
        private byte[] forced;
        private byte[] now;
        private final List<Write> pending = new ArrayList<>();

        Content(byte[] forced) {
            this.forced = forced;
            now = forced;
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // bytes that nobody changes
    private record Write(long position, byte[] bytes) {}

    /** A name that leads to other content, or to none. */
    private record NameChange(Map<Path, @Nullable Content> after, Path folder) {}

    /** The power goes at this call, counted from 0; the call itself may or may not have happened. */
    public void cutAt(int call) {
        cutAt = call;
    }

    /** This call is refused, half done where that is possible; those after it are not. */
    public void failAt(int call) {
        failAt = call;
    }

    public void mode(Mode next) {
        mode = next;
    }

    /** Runs before each call that changes something: a slow disk waits here. */
    public void before(Runnable wait) {
        before = wait;
    }

    /** What was asked so far that changes something, for the words of a failing test. */
    public List<String> calls() {
        return List.copyOf(calls);
    }

    @Override
    public byte[] read(Path file) throws IOException {
        if (cut) {
            throw new PowerCut("read " + file.getFileName());
        }
        return super.read(file);
    }

    /** @return whether the call is to be done by half and then refused. */
    private boolean begin(String call, boolean takesRoom, boolean canBeHalf) throws IOException {
        before.run();
        if (cut) {
            throw new PowerCut(call);
        }
        calls.add(call);
        int number = calls.size() - 1;
        if (number == cutAt) {
            cut = true; // the caller does it, and then end() throws
            return false;
        }
        if (number == failAt || mode == Mode.DEAD || (mode == Mode.FULL && takesRoom)) {
            if (!canBeHalf || mode == Mode.DEAD) {
                throw refusal(call);
            }
            return true;
        }
        return false;
    }

    private IOException refusal(String call) {
        return new IOException(call + ": " + (mode == Mode.FULL ? "No space left on device" : "Input/output error"));
    }

    private void end(String call) throws IOException {
        if (cut) {
            throw new PowerCut(call);
        }
    }

    @Override
    public void write(Path file, Access access, byte[]... parts) throws IOException {
        String call = "write " + file.getFileName();
        boolean half = begin(call, true, true);
        byte[] whole = join(parts);
        byte[] bytes = half ? Arrays.copyOf(whole, whole.length / 2) : whole;
        know(file);
        super.write(file, access, bytes);
        Content content = new Content(new byte[0]); // one that is emptied is a new one: worse than it is
        change(file, content);
        put(content, 0, bytes);
        if (half) {
            throw refusal(call);
        }
        end(call);
    }

    private static byte[] join(byte[]... parts) {
        byte[] whole =
                new byte[Arrays.stream(parts).mapToInt(part -> part.length).sum()];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, whole, at, part.length);
            at += part.length;
        }
        return whole;
    }

    private static void put(Content content, long position, byte[] bytes) {
        content.pending.add(new Write(position, bytes));
        content.now = with(content.now, position, bytes);
    }

    private static byte[] with(byte[] before, long position, byte[] bytes) {
        byte[] after = Arrays.copyOf(before, (int) Math.max(before.length, position + bytes.length));
        System.arraycopy(bytes, 0, after, (int) position, bytes.length);
        return after;
    }

    @Override
    public void overwrite(Path file, long position, byte[] bytes) throws IOException {
        String call = "overwrite " + file.getFileName() + " at " + position;
        boolean half = begin(call, false, true);
        byte[] done = half ? Arrays.copyOf(bytes, bytes.length / 2) : bytes;
        Content content = know(file);
        super.overwrite(file, position, done);
        if (content != null) {
            put(content, position, done);
        }
        if (half) {
            throw refusal(call);
        }
        end(call);
    }

    @Override
    public void force(Path file) throws IOException {
        String call = "force " + file.getFileName();
        begin(call, false, false);
        end(call); // a force that the cut came before has not happened
        Content content = know(file);
        if (content != null) {
            content.forced = content.now;
            content.pending.clear();
        }
    }

    @Override
    public void rename(Path from, Path to) throws IOException {
        String call = "rename " + to.getFileName();
        begin(call, false, false);
        Content content = know(from);
        know(to);
        super.rename(from, to);
        Map<Path, @Nullable Content> after = new TreeMap<>();
        after.put(to, content);
        after.put(from, null);
        names.remove(from);
        if (content != null) {
            names.put(to, content);
        }
        changes.add(new NameChange(after, folder(to)));
        end(call);
    }

    @Override
    public void delete(Path file) throws IOException {
        String call = "delete " + file.getFileName();
        begin(call, false, false);
        know(file);
        super.delete(file);
        names.remove(file);
        change(file, null);
        end(call);
    }

    @Override
    public void forceFolder(Path folder) throws IOException {
        String call = "force folder " + folder.getFileName();
        begin(call, false, false);
        end(call);
        for (NameChange change : List.copyOf(changes)) {
            if (change.folder().equals(folder.toAbsolutePath())) {
                forcedNames.putAll(change.after());
                changes.remove(change);
            }
        }
    }

    private void change(Path file, @Nullable Content content) {
        if (content != null) {
            names.put(file, content);
        }
        Map<Path, @Nullable Content> after = new TreeMap<>();
        after.put(file, content);
        changes.add(new NameChange(after, folder(file)));
    }

    private static Path folder(Path file) {
        return file.toAbsolutePath().getParent();
    }

    /** A file that came there by other means counts as forced. */
    private @Nullable Content know(Path file) throws IOException {
        Content content = names.get(file);
        if (content == null && Files.isRegularFile(file)) {
            content = new Content(Files.readAllBytes(file));
            names.put(file, content);
            forcedNames.putIfAbsent(file, content);
        }
        return content;
    }

    /**
     * Leaves in the real files what survives, and nothing else of what was asked of this disk.
     *
     * @param choice gives a number from 0 to below its argument, for each thing that may turn out one way or another.
     */
    public void loseThePower(IntUnaryOperator choice) throws IOException {
        cut = true;
        Map<Path, @Nullable Content> survive = new TreeMap<>(forcedNames);
        Map<Path, Integer> left = new TreeMap<>();
        for (NameChange change : changes) {
            left.merge(change.folder(), 1, Integer::sum);
        }
        left.replaceAll((folder, count) -> choice.applyAsInt(count + 1));
        for (NameChange change : changes) {
            int more = left.merge(change.folder(), -1, Integer::sum);
            if (more >= 0) {
                survive.putAll(change.after());
            }
        }
        TreeSet<Path> all = new TreeSet<>(survive.keySet());
        all.addAll(names.keySet());
        changes.forEach(change -> all.addAll(change.after().keySet()));
        for (Path file : all) {
            Content content = survive.get(file);
            if (content == null) {
                Files.deleteIfExists(file);
            } else {
                Files.write(file, survivor(content, choice));
            }
        }
    }

    private static byte[] survivor(Content content, IntUnaryOperator choice) {
        byte[] bytes = content.forced;
        for (Write write : content.pending) {
            byte[] all = write.bytes();
            int half = all.length / 2;
            switch (choice.applyAsInt(STATES)) {
                case LOST -> {}
                case HALF -> bytes = with(bytes, write.position(), Arrays.copyOf(all, half));
                case REST -> bytes = with(bytes, write.position() + half, Arrays.copyOfRange(all, half, all.length));
                default -> bytes = with(bytes, write.position(), all);
            }
        }
        return bytes;
    }
}
