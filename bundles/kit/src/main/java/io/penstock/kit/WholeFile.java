// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.kit;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A file that no single fault of the disk takes away, and that can be written on a full one. People and tools read the plain
 * file; beside it {@code .kept} holds the same content twice over time: the newest and the one before, each with length and
 * digest. A write goes over the older of these in place, which takes no room, and is durable then; the plain file follows by
 * rename. So at every instant two of the three are whole.
 *
 * <p>Reading takes the newest content that is whole, whichever of the three has it. A plain file that is neither the newest
 * nor one before is damaged, or was changed by hand: {@link Edits} says which of the two to believe. Not thread-safe; several
 * processes that write need a lock of their own, readers do not.
 */
public final class WholeFile {
    private static final int LOOKS = 5;

    /** What a plain file that this class did not write counts as. */
    public enum Edits {
        /** Damage: the kept content comes back, and the file is put aside as {@code .damaged}. */
        REFUSED,
        /** A person's, if the check finds no fault in it; for content that proves itself, such as a key. */
        TAKEN
    }

    /** Tells whether content makes sense. */
    public interface Check {
        /** @throws IllegalArgumentException with what is wrong. */
        void check(byte[] content);
    }

    /**
     * What was read.
     *
     * @param bytes the newest whole content.
     * @param told what was wrong, a sentence each, for the log and for people; empty if nothing was.
     */
    @SuppressWarnings("ArrayRecordComponent") // bytes that nobody changes
    public record Found(byte[] bytes, List<String> told) {
        public Found {
            told = List.copyOf(told);
        }
    }

    /** Neither the file nor what is kept beside it can be used; the message names both and the way out. */
    public static final class DamagedException extends IOException {
        private static final long serialVersionUID = 1L;

        private DamagedException(String message) {
            super(message);
        }
    }

    private final Disk disk;
    private final Path file;
    private final Path keptFile;
    private final Disk.Access access;
    private final Edits edits;
    private final int room;
    private final String wayOut;

    private @Nullable View view;
    /** Names, or what another process wrote, may not be forced yet: what comes next must not build on it. */
    private boolean unsure = true;

    private String behind = "";

    /** What lies on the disk, as last seen. */
    @SuppressWarnings("ArrayRecordComponent") // bytes that nobody changes
    private record View(@Nullable Kept kept, String plainSha, byte @Nullable [] plain) {}

    @SuppressWarnings("ArrayRecordComponent") // bytes that nobody changes
    private record Chosen(
            byte[] bytes, List<String> told, boolean plainIsIt, boolean plainIsForeign, boolean keptIsIt) {}

    /**
     * @param room how many bytes the content may grow by before the disk must give more; kept ready on the disk.
     * @param wayOut what a person does when all is damaged.
     */
    public WholeFile(Disk disk, Path file, Disk.Access access, Edits edits, int room, String wayOut) {
        this.disk = disk;
        this.file = file;
        keptFile = beside(file, ".kept");
        this.access = access;
        this.edits = edits;
        this.room = room;
        this.wayOut = wayOut;
    }

    private static Path beside(Path file, String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }

    /** Where the two generations of a file are kept. */
    public Path kept() {
        return keptFile;
    }

    /** Why the plain file is one change behind what is kept, empty if it is not. */
    public String behind() {
        return behind;
    }

    /**
     * The newest whole content, changing nothing on disk; empty if there never was any.
     *
     * @throws DamagedException if there is none whole.
     */
    public Optional<Found> read(Check check) throws IOException {
        view = null;
        Chosen chosen = choose(look(), check);
        return chosen == null ? Optional.empty() : Optional.of(new Found(chosen.bytes(), chosen.told()));
    }

    /** What was written last, whatever the plain file holds; empty if nothing of it is whole. */
    public Optional<byte[]> lastWritten() throws IOException {
        byte @Nullable [] kept = bytes(keptFile);
        return kept == null
                ? Optional.empty()
                : Kept.parse(kept).generations().stream()
                        .map(Kept.Generation::content)
                        .filter(Objects::nonNull)
                        .findFirst();
    }

    /** As {@link #read}, and makes whole again what is not; what of it the disk refuses is told and comes with the next write. */
    public Optional<Found> heal(Check check) throws IOException {
        view = null;
        View seen = look();
        Chosen chosen = choose(seen, check);
        if (chosen == null) {
            return Optional.empty();
        }
        List<String> told = new ArrayList<>(chosen.told());
        try {
            if (!chosen.keptIsIt()) {
                replaceKept(chosen.bytes(), chosen.bytes(), sequence(seen), Kept.sha256(chosen.bytes()));
            }
            if (!chosen.plainIsIt()) {
                putBack(chosen);
            }
        } catch (IOException e) {
            told.add(file + " could not be made whole on disk: " + e + "; it is tried again with the next change");
        }
        return Optional.of(new Found(chosen.bytes(), told));
    }

    private void putBack(Chosen chosen) throws IOException {
        Path temporary = beside(file, ".tmp");
        disk.write(temporary, access, chosen.bytes());
        disk.force(temporary);
        if (chosen.plainIsForeign()) {
            disk.rename(file, beside(file, ".damaged"));
        }
        disk.rename(temporary, file);
        disk.forceFolder(folder());
        behind = "";
    }

    private View look() throws IOException {
        byte @Nullable [] plain = bytes(file);
        for (int look = 1; ; look++) {
            byte @Nullable [] kept = bytes(keptFile);
            byte @Nullable [] again = bytes(file);
            if (Arrays.equals(plain, again) || look == LOOKS) {
                return new View(
                        kept == null ? null : Kept.parse(kept),
                        plain == null ? Kept.NOTHING : Kept.sha256(plain),
                        plain);
            }
            plain = again; // another process has just changed it
        }
    }

    private byte @Nullable [] bytes(Path path) throws IOException {
        try {
            return disk.read(path);
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    private @Nullable Chosen choose(View seen, Check check) throws IOException {
        byte[] plain = seen.plain();
        Kept kept = seen.kept();
        if (kept == null || kept.generations().isEmpty()) {
            if (plain == null && kept == null) {
                return null;
            }
            String fault = plain == null ? "it is missing" : fault(plain, check);
            if (plain == null || !fault.isEmpty()) {
                throw damaged(fault, kept == null ? "is not there" : "is damaged");
            }
            return new Chosen(
                    plain,
                    kept == null ? List.of() : List.of(keptFile + " was damaged; it is made anew of " + name()),
                    true,
                    false,
                    false);
        }
        boolean foreign = plain != null && kept.generations().stream().noneMatch(one -> knows(one, seen.plainSha()));
        if (foreign
                && (edits == Edits.TAKEN || kept.generations().size() == 1)
                && fault(plain, check).isEmpty()) {
            return new Chosen(
                    plain,
                    List.of(
                            edits == Edits.TAKEN
                                    ? name() + " was replaced by another; it is taken"
                                    : keptFile + " was damaged; it is made anew of " + name()),
                    true,
                    false,
                    false);
        }
        StringBuilder faults = new StringBuilder();
        for (Kept.Generation one : kept.generations()) {
            boolean plainIsIt = one.sha().equals(seen.plainSha());
            byte[] content = plainIsIt ? plain : one.content();
            String fault = content == null ? "its change " + one.sequence() + " is damaged" : fault(content, check);
            if (content != null && fault.isEmpty()) {
                return new Chosen(
                        content,
                        told(seen, kept, one, plainIsIt, foreign ? fault(plain, check) : null),
                        plainIsIt,
                        foreign,
                        kept.whole() && one == kept.generations().get(0));
            }
            faults.append(faults.isEmpty() ? "" : ", ").append(fault);
        }
        throw damaged(
                plain == null
                        ? "it is missing"
                        : foreign ? "digest " + seen.plainSha() + " is not known" : "it fits no more",
                "is, too: " + faults);
    }

    private static boolean knows(Kept.Generation one, String plainSha) {
        return one.sha().equals(plainSha) || one.plain().equals(plainSha);
    }

    private static String fault(byte[] content, Check check) {
        try {
            check.check(content);
            return "";
        } catch (IllegalArgumentException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private List<String> told(View seen, Kept kept, Kept.Generation one, boolean plainIsIt, @Nullable String foreign) {
        List<String> told = new ArrayList<>();
        if (one != kept.generations().get(0)) {
            told.add("the newest change in " + keptFile + " is damaged or was cut short; the one before it counts");
        } else if (!kept.whole()) {
            told.add("one half of " + keptFile + " was damaged or cut short; it is made anew");
        }
        if (foreign != null) {
            told.add(file + " is damaged, or was changed by hand: "
                    + (foreign.isEmpty() ? "its content is not what was last written" : foreign) + ", digest "
                    + seen.plainSha() + "; it is put back from " + keptFile.getFileName() + ", and what was there is "
                    + name() + ".damaged. To change it by hand, end the gateway, change it and delete "
                    + keptFile.getFileName());
        } else if (seen.plain() == null) {
            told.add(file + " was missing; it is put back from " + keptFile.getFileName()
                    + ". To do without it, end the" + " gateway and delete both");
        } else if (!plainIsIt) {
            told.add(file + " was one change behind, as after a power cut or on a full disk; it is brought up from "
                    + keptFile.getFileName());
        }
        return told;
    }

    private DamagedException damaged(String fault, String kept) {
        return new DamagedException(
                file + " is damaged (" + fault + "), and " + keptFile.getFileName() + " " + kept + "; " + wayOut);
    }

    private String name() {
        return file.getFileName().toString();
    }

    private Path folder() {
        return file.toAbsolutePath().getParent();
    }

    /**
     * Writes new content. When it returns, the content survives everything; where only the reserve took it, because the disk is
     * full, {@link #behind} says why the plain file still has the content before.
     *
     * @throws IOException if the disk takes it nowhere: the content before counts, unless the disk took it and failed to say so.
     */
    public void write(byte[] content) throws IOException {
        View seen = view == null ? look() : view;
        if (unsure && seen.kept() != null) {
            disk.force(keptFile);
            disk.forceFolder(folder());
        }
        unsure = false;
        view = new View(writeKept(seen, content), seen.plainSha(), null);
        catchUp(content);
    }

    /** Tries once more to bring the plain file up to what was written last; {@link #behind} says whether it is. */
    public void catchUp(byte[] content) {
        View seen = view;
        try {
            disk.replace(file, access, content);
            behind = "";
            view = seen == null ? null : new View(seen.kept(), Kept.sha256(content), null);
        } catch (IOException e) {
            behind = e.toString();
        }
    }

    private Kept writeKept(View seen, byte[] content) throws IOException {
        Kept kept = seen.kept();
        if (kept == null || !kept.whole() || !kept.takes(content.length)) {
            return replaceKept(before(content), content, sequence(seen), seen.plainSha());
        }
        if (kept.takes(content.length + room / 2)) {
            try {
                return overwrite(kept, content, seen.plainSha());
            } catch (IOException e) {
                return orElse(e, seen, () -> replaceKept(before(content), content, sequence(seen), seen.plainSha()));
            }
        }
        try {
            return replaceKept(before(content), content, sequence(seen), seen.plainSha());
        } catch (IOException e) {
            return orElse(
                    e, seen, () -> overwrite(kept, content, seen.plainSha())); // no more room, but enough for this
        }
    }

    private interface Way {
        Kept go() throws IOException;
    }

    /** A half-made change is written over by the next one, never what counts. */
    private Kept orElse(IOException first, View seen, Way other) throws IOException {
        if (unsure) {
            throw first;
        }
        view = seen;
        try {
            return other.go();
        } catch (IOException e) {
            first.addSuppressed(e);
            throw first;
        }
    }

    /** What counts now, or the new content where there is nothing. */
    private byte[] before(byte[] content) throws IOException {
        try {
            Chosen chosen = choose(look(), any -> {});
            return chosen == null ? content : chosen.bytes();
        } catch (DamagedException e) {
            return content;
        }
    }

    private static long sequence(View seen) {
        Kept kept = seen.kept();
        return kept == null || kept.generations().isEmpty()
                ? 0
                : kept.generations().get(0).sequence();
    }

    private Kept overwrite(Kept kept, byte[] content, String plainSha) throws IOException {
        int slot = kept.oldestSlot();
        long capacity = kept.capacity();
        Kept.Generation newest = kept.generations().get(0);
        byte[] header = Kept.headerBytes(slot, capacity, newest.sequence() + 1, content, plainSha);
        byte[] front = Arrays.copyOf(header, Kept.HEADER + content.length);
        System.arraycopy(content, 0, front, Kept.HEADER, content.length);
        disk.overwrite(keptFile, slot * capacity, front);
        disk.overwrite(keptFile, (slot + 1) * capacity - Kept.HEADER, header);
        disk.force(keptFile);
        return new Kept(generation(slot, capacity, newest.sequence() + 1, content, plainSha), newest);
    }

    private Kept replaceKept(byte[] before, byte[] content, long sequence, String plainSha) throws IOException {
        long capacity = Kept.capacityFor(Math.max(before.length, content.length), room);
        Path temporary = beside(keptFile, ".tmp");
        try {
            disk.write(
                    temporary,
                    access,
                    Kept.slotBytes(0, capacity, sequence + 1, before, plainSha),
                    Kept.slotBytes(1, capacity, sequence + 2, content, plainSha));
            disk.force(temporary);
            disk.rename(temporary, keptFile);
        } catch (IOException e) {
            discard(temporary, e);
            throw e;
        }
        Kept made = new Kept(
                generation(1, capacity, sequence + 2, content, plainSha),
                generation(0, capacity, sequence + 1, before, plainSha));
        try {
            disk.forceFolder(folder());
        } catch (IOException e) {
            unsure = true;
            view = new View(made, plainSha, null);
            throw e;
        }
        return made;
    }

    private void discard(Path temporary, IOException why) {
        try {
            disk.delete(temporary); // half a file on a full disk takes room
        } catch (IOException e) {
            why.addSuppressed(e);
        }
    }

    /** For what comes next only headers count, so the content is let go. */
    private static Kept.Generation generation(int slot, long capacity, long sequence, byte[] content, String plainSha) {
        return new Kept.Generation(
                slot, capacity, sequence, content.length, Kept.sha256(content), plainSha, new byte[0]);
    }
}
