// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.data.TagId;
import io.penstock.opcua.stack.ApplicationCertificate;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one session: opens it, watches it, throws it away at the first fault and tries again with back-off. All of that on one
 * thread of its own.
 */
final class Connection {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);
    private static final long TICK_MS = 50;
    private static final long TRUST_LOOK_MS = 500;
    private static final long STEADY_MS = 10_000;
    private static final long STOP_MS = 800;
    private static final Duration RENEW = Duration.ofDays(60);

    private final Settings settings;
    private final Path home;
    private final TagStates tags;
    private final Io io;
    private final ServerTrust trust;
    private final @Nullable ApplicationCertificate own;
    private final Clock clock;
    private final RoundTrips roundTrips = new RoundTrips();
    private final Thread thread;
    private volatile @Nullable ClientSession session;
    private volatile State state = State.CONNECTING;
    private volatile String detail = "";
    private volatile String passwordWarning = "";
    private final AtomicLong reconnects = new AtomicLong();
    private volatile boolean stopped;

    Connection(
            Settings settings,
            Path home,
            TagStates tags,
            Io io,
            ServerTrust trust,
            @Nullable ApplicationCertificate own,
            Clock clock) {
        this.settings = settings;
        this.home = home;
        this.tags = tags;
        this.io = io;
        this.trust = trust;
        this.own = own;
        this.clock = clock;
        thread = new Thread(this::run, "connector.opcua-connection-" + settings.name());
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Returns within about 1 s; the sockets are closed with {@link Io}. */
    void stop() {
        stopped = true;
        state = State.CLOSED;
        thread.interrupt();
        try {
            thread.join(200);
            ClientSession open = session;
            if (open != null) {
                open.close().get(STOP_MS, TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.debug("{}: the server did not answer the good-bye", settings.name(), e);
        }
        session = null;
    }

    /** The session there is now, null where none is. */
    @Nullable
    ClientSession session() {
        ClientSession current = session;
        return current == null || current.fault().isDone() ? null : current;
    }

    ConnectionStatus status() {
        return new ConnectionStatus(
                state, detail(), warning(), tags.lastGood(), reconnects.get(), roundTrips.medianMicros());
    }

    private String detail() {
        Map<TagId, String> problems = tags.problems();
        if (state != State.CONNECTED || problems.isEmpty()) {
            return detail;
        }
        Map.Entry<TagId, String> first =
                problems.entrySet().stream().min(Map.Entry.comparingByKey()).orElse(null);
        return first == null
                ? detail
                : problems.size() + " of " + settings.tags().size() + " tags unusable: " + first.getKey() + ": "
                        + first.getValue() + (problems.size() > 1 ? ", …" : "");
    }

    /** What must stay visible for as long as it is so. */
    String warning() {
        List<String> warnings = new ArrayList<>();
        if (!settings.secure()) {
            warnings.add("security is off: anyone on the network can read and forge values and writes");
        } else if (settings.mode() == MessageSecurityMode.Sign) {
            warnings.add("encryption is off: anyone on the network can read values and writes");
        }
        if (settings.anonymous()) {
            warnings.add("anonymous session: the server cannot tell this gateway from others");
        }
        if (!passwordWarning.isEmpty()) {
            warnings.add(passwordWarning);
        }
        if (own != null) {
            Instant end = own.certificate().getNotAfter().toInstant();
            if (clock.instant().isAfter(end.minus(RENEW))) {
                warnings.add("this gateway's certificate ends at " + end + "; delete " + home.relativize(own.file())
                        + " and own.der.kept, restart the connector and trust the new one at the server");
            }
        }
        String clocks = tags.clockWarning();
        if (!clocks.isEmpty()) {
            warnings.add(clocks);
        }
        String aged = state == State.CONNECTED
                ? tags.agedWarning(System.nanoTime() - 3 * settings.confirmMs() * 1_000_000)
                : "";
        if (!aged.isEmpty()) {
            warnings.add(aged);
        }
        long overflowed = tags.counts().overflowed();
        if (overflowed > 0) {
            warnings.add(
                    "the server's queues overflowed " + overflowed + " times, values are missing; raise queueSize");
        }
        return String.join("; ", warnings);
    }

    private void run() {
        long retryMs = settings.retryMs();
        boolean connectedBefore = false;
        try {
            while (!stopped) {
                long begin = System.nanoTime();
                String trustState = trust.state();
                boolean waitsForTrust = false;
                String reason;
                try {
                    ClientSession opened = ClientSession.open(
                            new ClientSession.Context(settings, io, tags, trust, own, roundTrips), password());
                    session = opened;
                    if (connectedBefore) {
                        reconnects.incrementAndGet();
                    }
                    connectedBefore = true;
                    detail = "";
                    state = stopped ? State.CLOSED : State.CONNECTED;
                    LOG.info(
                            "{} connected to {} ({}/{})",
                            settings.name(),
                            settings.endpointUrl(),
                            settings.policy(),
                            settings.mode());
                    reason = settings.endpointUrl() + ": " + watch(opened);
                } catch (LinkException e) {
                    LOG.debug("{}", settings.name(), e);
                    reason = e.getMessage();
                    waitsForTrust = e.trust();
                } catch (RuntimeException | Error e) { // of a broken server's making, or memory was short
                    reason = settings.endpointUrl() + ": unexpected failure " + e + "; report it";
                    if (!reason.equals(detail)) {
                        LOG.error("{}: unexpected failure; the connection is made anew", settings.name(), e);
                    }
                }
                lost(reason);
                if (System.nanoTime() - begin > STEADY_MS * 1_000_000) {
                    retryMs = settings.retryMs();
                }
                pause(retryMs, waitsForTrust ? trustState : null);
                retryMs = Math.min(2 * retryMs, settings.maxRetryMs());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** @return why the session ended. */
    private String watch(ClientSession current) throws InterruptedException {
        long nextCheck = System.nanoTime() + settings.keepAliveMs() * 1_000_000;
        long nextRetry = System.nanoTime() + settings.nodeRetryMs() * 1_000_000;
        long nextTrust = System.nanoTime();
        String trustState = "";
        while (!stopped) { // an interrupt may have gone lost in Milo
            try {
                return current.fault().get(TICK_MS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                long now = System.nanoTime();
                current.confirm();
                if (now - nextCheck >= 0) {
                    nextCheck = now + settings.keepAliveMs() * 1_000_000;
                    current.check();
                }
                if (now - nextTrust >= 0) {
                    nextTrust = now + TRUST_LOOK_MS * 1_000_000;
                    String found = trust.state();
                    String leave = found.equals(trustState) ? null : trust.leave();
                    trustState = found;
                    if (leave != null) {
                        return leave;
                    }
                }
                if (now - nextRetry >= 0) {
                    nextRetry = now + settings.nodeRetryMs() * 1_000_000;
                    try {
                        current.retryRefused();
                    } catch (LinkException failed) {
                        return String.valueOf(failed.getMessage());
                    }
                }
            } catch (ExecutionException e) {
                return String.valueOf(e.getMessage());
            }
        }
        return "stopped";
    }

    private void lost(String reason) {
        ClientSession ended = session;
        session = null;
        if (ended != null) {
            ended.abandon();
        }
        if (stopped) {
            return;
        }
        state = State.LOST;
        if (!reason.equals(detail)) {
            detail = reason;
            LOG.info("{} has no connection: {}", settings.name(), reason);
        }
        int loss = tags.lost();
        io.later(settings.lossToBadMs(), () -> tags.stillLost(loss));
    }

    /** Shorter where a person moves a certificate meanwhile. */
    private void pause(long ms, @Nullable String trustState) throws InterruptedException {
        long end = System.nanoTime() + ms * 1_000_000;
        for (long left = ms; left > 0 && !stopped; left = (end - System.nanoTime()) / 1_000_000) {
            // A back-off; stop() interrupts it.
            Thread.sleep(Math.min(left, TRUST_LOOK_MS));
            if (trustState != null && !trust.state().equals(trustState)) {
                return;
            }
        }
    }

    /** Read at each attempt, so that a changed password needs no restart. Null for anonymous. */
    private byte @Nullable [] password() throws LinkException {
        if (settings.anonymous()) {
            return null;
        }
        Path file = home.resolve(settings.passwordFile());
        if (Files.exists(file) && !Files.isRegularFile(file)) { // a pipe would be waited for without end
            throw new LinkException("passwordFile " + settings.passwordFile() + " is no plain file; put one there");
        }
        try {
            String password = Files.readString(file, StandardCharsets.UTF_8).strip();
            if (password.isEmpty()) {
                throw new LinkException(
                        "passwordFile " + settings.passwordFile() + " is empty; put the password into it");
            }
            passwordWarning = readableByOthers(file)
                    ? settings.passwordFile() + " can be read by other users of this gateway; chmod 600 it"
                    : "";
            return password.getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new LinkException(
                    "passwordFile " + settings.passwordFile() + " cannot be read ("
                            + e.getClass().getSimpleName()
                            + "); create it with mode 600 and the password as its content",
                    e);
        }
    }

    private static boolean readableByOthers(Path file) throws IOException {
        try {
            return Files.getPosixFilePermissions(file).contains(PosixFilePermission.OTHERS_READ);
        } catch (UnsupportedOperationException e) {
            return false;
        }
    }
}
