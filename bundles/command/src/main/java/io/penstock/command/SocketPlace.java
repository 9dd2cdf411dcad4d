// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.command;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the socket lies and who may reach it: {@code data/run/command.sock}, made for its owner alone. A site that opens the
 * folder to a group opens the socket to it; others never get in.
 */
final class SocketPlace {
    private static final Logger LOG = LoggerFactory.getLogger(SocketPlace.class);
    /** {@code sun_path} of Linux without its closing zero. */
    static final int LONGEST_PATH = 107;

    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(
            PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE, PosixFilePermission.OTHERS_EXECUTE);
    private static final Set<PosixFilePermission> OWNER = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> GROUP = PosixFilePermissions.fromString("rw-rw----");

    private final Path socket;
    private @Nullable Object bound;
    private volatile @Nullable String owner;

    SocketPlace(Path home) {
        socket = of(home);
    }

    static Path of(Path home) {
        return home.toAbsolutePath().normalize().resolve("data").resolve("run").resolve("command.sock");
    }

    /** @throws IOException if the system cannot name a socket there. */
    static void checkLength(Path socket) throws IOException {
        int length = socket.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length > LONGEST_PATH) {
            throw new IOException(socket + ": " + length + " bytes, the system allows " + LONGEST_PATH
                    + " for the path of a local socket; move the home to a shorter path, or name it through a short link"
                    + " by PENSTOCK_HOME for the gateway and the command line");
        }
    }

    Path path() {
        return socket;
    }

    /** Name of the user the socket belongs to, which is the one this process runs as. */
    @Nullable
    String owner() {
        return owner;
    }

    /**
     * Looks after the socket: makes it where it is not there, and puts permissions right.
     *
     * @return a new one to take callers from, null where the one before is still good.
     * @throws IOException if there can be none at present.
     */
    @Nullable
    ServerSocketChannel look() throws IOException {
        checkLength(socket);
        Path folder = Objects.requireNonNull(socket.getParent());
        Set<PosixFilePermission> wanted = checkFolder(folder);
        PosixFileAttributes there = attributes(socket);
        if (there != null && there.isOther() && Objects.equals(there.fileKey(), bound)) {
            if (!there.permissions().equals(wanted)) {
                LOG.warn(
                        "{}: permissions were {}, they are {} again",
                        socket,
                        PosixFilePermissions.toString(there.permissions()),
                        PosixFilePermissions.toString(wanted));
                Files.setPosixFilePermissions(socket, wanted);
            }
            return null;
        }
        if (there != null) {
            removeStale(there);
        }
        return bind(wanted, bound != null);
    }

    /** @return what the socket is to allow. */
    private Set<PosixFilePermission> checkFolder(Path folder) throws IOException {
        PosixFileAttributes there = attributes(folder);
        if (there == null) {
            Files.createDirectories(Objects.requireNonNull(folder.getParent()));
            Files.createDirectory(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            return OWNER;
        }
        if (!there.isDirectory()) {
            throw new IOException(folder + ": is no folder; remove it");
        }
        Set<PosixFilePermission> allowed = EnumSet.noneOf(PosixFilePermission.class);
        allowed.addAll(there.permissions());
        if (allowed.removeAll(OTHERS)) {
            LOG.warn(
                    "{}: permissions were {}, others have none any more; open it to a group if more people than its owner"
                            + " are to use the command line",
                    folder,
                    PosixFilePermissions.toString(there.permissions()));
            Files.setPosixFilePermissions(folder, allowed);
        }
        return allowed.contains(PosixFilePermission.GROUP_EXECUTE) ? GROUP : OWNER;
    }

    private static @Nullable PosixFileAttributes attributes(Path path) throws IOException {
        try {
            return Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    /** What a killed gateway left behind answers nobody; one that answers belongs to another gateway. */
    private void removeStale(PosixFileAttributes there) throws IOException {
        if (!there.isOther()) {
            throw new IOException(socket + ": is no socket; remove it");
        }
        try (SocketChannel other = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.configureBlocking(false); // a full queue of callers answers too
            if (other.connect(UnixDomainSocketAddress.of(socket))) {
                throw new InUseException(socket + ": another gateway answers there; stop it first");
            }
            throw new InUseException(socket + ": another gateway has callers waiting there; stop it first");
        } catch (InUseException e) {
            throw e;
        } catch (IOException e) {
            LOG.debug("Stale", e);
        }
        Files.deleteIfExists(socket);
    }

    /** Another gateway lives on this home. */
    private static final class InUseException extends IOException {
        private static final long serialVersionUID = 1;

        InUseException(String message) {
            super(message);
        }
    }

    private ServerSocketChannel bind(Set<PosixFilePermission> wanted, boolean again) throws IOException {
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.bind(UnixDomainSocketAddress.of(socket), CommandServer.MOST_CONNECTIONS);
            Files.setPosixFilePermissions(socket, wanted);
            PosixFileAttributes made =
                    Files.readAttributes(socket, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            bound = made.fileKey();
            owner = made.owner().getName();
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
        if (again) {
            LOG.warn("{}: the socket was gone, it is there again", socket);
        } else {
            LOG.info("The command line reaches this gateway by {}", socket);
        }
        return channel;
    }

    /** Takes the socket away at the end, unless it is somebody else's by now. */
    void remove() {
        try {
            PosixFileAttributes there = attributes(socket);
            if (there != null && Objects.equals(there.fileKey(), bound)) {
                Files.deleteIfExists(socket);
            }
        } catch (IOException e) {
            LOG.debug("Not removed", e);
        }
    }
}
