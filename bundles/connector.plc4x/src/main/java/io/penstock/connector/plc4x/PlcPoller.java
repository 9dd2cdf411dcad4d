// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.penstock.api.acquisition.ConnectionStatus;
import io.penstock.api.acquisition.SampleListener;
import io.penstock.api.acquisition.TagSource;
import io.penstock.api.data.Sample;
import io.penstock.api.data.StatusCode;
import io.penstock.connector.plc4x.PollPlan.Group;
import io.penstock.connector.plc4x.Wire.Code;
import io.penstock.connector.plc4x.Wire.Reply;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread of a connector: it owns the connection, the schedule and everything that is known about the tags. Others
 * hand over by queue. While it waits for the device it goes on serving deadlines and subscriptions.
 */
final class PlcPoller {
    private static final Logger LOG = LoggerFactory.getLogger(PlcPoller.class);
    private static final int OPERATIONS = 256;
    private static final int LATE_POLLS = 3;
    private static final long STATUS_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long CLOCK_STEP_NS = TimeUnit.SECONDS.toNanos(1);

    private final Settings settings;
    private final TagTable table;
    private final Supplier<Wire.Opener> openers;
    private final Clock wall;
    private final SourceClock sourceClock;
    private final SampleHub hub;
    private final PollPlan plan;
    private final PollRound round;
    private final LinkStatus link = new LinkStatus();
    private final Queue<Runnable> commands = new ConcurrentLinkedQueue<>();
    private final BlockingQueue<Operation> operations = new ArrayBlockingQueue<>(OPERATIONS);
    private final Thread thread;
    private final AtomicLong turnedAway = new AtomicLong();
    private volatile boolean stopping;
    private volatile ConnectionStatus status;

    // The thread's own.
    private Wire.@Nullable Opener opener;
    private @Nullable Wire wire;
    private @Nullable CompletableFuture<Wire> opening;
    private @Nullable Thread openingThread;
    private @Nullable Operation current;
    private long nextAttemptNanos;
    private long openingEndsNanos;
    private long backoffMs;
    private boolean outage;
    private boolean silentTold;
    private long silentAtNanos;
    private long lastSentNanos;
    private long statusAtNanos;
    private boolean lateTold;

    PlcPoller(Settings settings, TagTable table, Supplier<Wire.Opener> openers, Clock wall) {
        this.settings = settings;
        this.table = table;
        this.openers = openers;
        this.wall = wall;
        sourceClock = new SourceClock(wall);
        hub = new SampleHub(table);
        backoffMs = settings.backoffMinMs();
        plan = new PollPlan(table.items(), settings);
        round = new PollRound(plan, new PolledDevice(), System::nanoTime);
        status = link.snapshot("", "");
        thread = new Thread(this::run, "connector.plc4x-poll-" + settings.name());
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Ends the thread and the connection; returns within 2 s. */
    void stop() {
        stopping = true;
        LockSupport.unpark(thread);
        try {
            thread.join(1800);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            LOG.error("{}: thread {} does not end; restart the gateway", settings.name(), thread.getName());
        }
    }

    ConnectionStatus status() {
        return status;
    }

    TagSource.Subscription subscribe(SampleListener listener) {
        SampleHub.Listening listening = new SampleHub.Listening(listener, l -> command(() -> hub.remove(l)));
        command(() -> hub.add(listening));
        return listening;
    }

    private void command(Runnable command) {
        commands.add(command);
        LockSupport.unpark(thread);
    }

    /** Takes an operation over; it is ended by its deadline in any case. */
    void submit(Operation operation) {
        if (stopping || !operations.offer(operation)) {
            long count = stopping ? 0 : turnedAway.incrementAndGet();
            if (Long.bitCount(count) == 1) { // not once for each of a flood
                LOG.warn(
                        "{}: {} writes and reads are waiting already; {} turned away so far, now for {}",
                        settings.name(),
                        OPERATIONS,
                        count,
                        operation.tag);
            }
            operation.fail(stopping ? StatusCode.BAD_NOT_CONNECTED : StatusCode.BAD_TIMEOUT, wallNs());
            return;
        }
        LockSupport.unpark(thread);
        if (stopping && operations.remove(operation)) {
            operation.fail(StatusCode.BAD_NOT_CONNECTED, wallNs());
        }
    }

    long wallNs() {
        Instant now = wall.instant();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    private void run() {
        while (!stopping) {
            try {
                step();
            } catch (RuntimeException | Error e) { // a thread that ended would leave its last values Good for ever
                LOG.error("{}: unexpected failure; the connection is rebuilt", settings.name(), e);
                lost("unexpected failure: " + e);
            }
        }
        end();
    }

    private void step() {
        long now = System.nanoTime();
        tick(now);
        Wire open = wire;
        if (open == null) {
            connect(now);
            return;
        }
        if (open.gone().isDone()) {
            lost("the device closed the connection");
            return;
        }
        if (serveOperations()) {
            return;
        }
        Group due = plan.next(now);
        if (due.dueNanos() - now <= 0) {
            poll(due);
        } else {
            park(due.dueNanos() - now);
        }
    }

    /** What must happen while waiting for anything. */
    private void tick(long now) {
        for (Runnable command = commands.poll(); command != null; command = commands.poll()) {
            command.run();
        }
        Operation running = current;
        if (running != null && now - running.deadlineNanos >= 0) {
            running.fail(StatusCode.BAD_TIMEOUT, wallNs());
        }
        for (Operation operation : operations) {
            if (now - operation.deadlineNanos >= 0 && operations.remove(operation)) {
                operation.fail(StatusCode.BAD_TIMEOUT, wallNs());
            }
        }
        if (outage && !silentTold && now - silentAtNanos >= 0) {
            silentTold = true;
            hub.silent(sourceClock.at(now), now);
        }
        if (now - statusAtNanos >= STATUS_NANOS) {
            refreshStatus();
        }
    }

    /** Sleeps until something is handed over, a deadline comes, or the time is up. */
    private void park(long nanos) {
        long now = System.nanoTime();
        long least = nanos;
        if (current != null && !current.isDone()) {
            least = Math.min(least, current.deadlineNanos - now);
        }
        for (Operation operation : operations) {
            least = Math.min(least, operation.deadlineNanos - now);
        }
        if (outage && !silentTold) {
            least = Math.min(least, silentAtNanos - now);
        }
        if (least > 0 && commands.isEmpty() && !stopping) {
            LockSupport.parkNanos(this, least);
        }
    }

    private void connect(long now) {
        for (Operation operation = operations.poll(); operation != null; operation = operations.poll()) {
            operation.fail(StatusCode.BAD_NOT_CONNECTED, wallNs());
        }
        CompletableFuture<Wire> attempt = opening;
        if (attempt == null) {
            Thread former = openingThread;
            if (now - nextAttemptNanos < 0 || (former != null && former.isAlive())) {
                long wait = nextAttemptNanos - now;
                park(wait > 0 ? wait : TimeUnit.MILLISECONDS.toNanos(settings.backoffMinMs()));
                return;
            }
            open(now);
            return;
        }
        if (!attempt.isDone()) {
            if (now - openingEndsNanos >= 0) {
                abandonOpening();
                lost("opening takes longer than " + (settings.connectTimeoutMs() + 5000) + " ms");
                return;
            }
            park(openingEndsNanos - now);
            return;
        }
        opening = null;
        try {
            connected(attempt.join(), now);
        } catch (CompletionException | CancellationException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            lost("cannot connect: " + cause.getMessage());
        }
    }

    /** PLC4X connects in the caller's thread, so the caller is one that may be left behind. */
    private void open(long now) {
        CompletableFuture<Wire> attempt = new CompletableFuture<>();
        Thread opens = new Thread(
                () -> {
                    try {
                        if (opener == null) {
                            opener = openers.get();
                        }
                        Wire fresh = opener.open();
                        if (!attempt.complete(fresh)) {
                            fresh.close();
                        }
                    } catch (Exception | LinkageError e) {
                        attempt.completeExceptionally(e);
                    } finally {
                        LockSupport.unpark(thread);
                    }
                },
                "connector.plc4x-open-" + settings.name());
        opens.setDaemon(true);
        openingThread = opens;
        opening = attempt;
        openingEndsNanos = now + TimeUnit.MILLISECONDS.toNanos(settings.connectTimeoutMs() + 5000);
        opens.start();
    }

    private void abandonOpening() {
        CompletableFuture<Wire> attempt = opening;
        Thread opens = openingThread;
        opening = null;
        if (attempt != null && !attempt.cancel(false) && !attempt.isCompletedExceptionally()) {
            attempt.join().close();
        }
        if (opens != null) {
            opens.interrupt();
        }
    }

    private void connected(Wire fresh, long now) {
        wire = fresh;
        var unused = fresh.gone().thenRun(() -> LockSupport.unpark(thread));
        plan.restart(now);
    }

    /** The connection is of no use any more: it is closed, tags are told, and a new one is opened after the back-off. */
    private void lost(String reason) {
        long now = System.nanoTime();
        Wire open = wire;
        wire = null;
        if (open != null) {
            open.close();
        }
        nextAttemptNanos = now + TimeUnit.MILLISECONDS.toNanos(backoffMs);
        String detail = settings.device() + ": " + reason + "; tried again every " + backoffMs
                + " ms; check the device, the cable and the url";
        link.lost(detail);
        backoffMs = Math.min(settings.backoffMaxMs(), 2 * backoffMs);
        if (!outage) {
            outage = true;
            silentTold = false;
            silentAtNanos = now + TimeUnit.MILLISECONDS.toNanos(settings.lossToBadMs());
            LOG.info("{}: connection lost: {}", settings.name(), detail);
            hub.lost(sourceClock.at(now), now);
        }
        refreshStatus();
    }

    private void answered(Reply reply) {
        if (link.answered(reply.nanos() - lastSentNanos, wall.instant())) {
            outage = false;
            backoffMs = settings.backoffMinMs();
            LOG.info("{}: connected to {}", settings.name(), settings.device());
            refreshStatus();
        }
    }

    private void refreshStatus() {
        statusAtNanos = System.nanoTime();
        status = link.snapshot(plan.refusals(), warning());
    }

    private String warning() {
        long ahead = sourceClock.aheadNs();
        if (ahead >= CLOCK_STEP_NS) {
            return "the gateway's clock was set back; source times run " + ahead / 1_000_000_000L
                    + " s ahead until it has caught up";
        }
        return hub.dropped() == 0
                ? ""
                : hub.dropped() + " samples were not newer than their predecessor and were dropped";
    }

    /** Waits for one answer under the connector's own deadline; null if the connection was lost or is being stopped. */
    private @Nullable Reply await(CompletableFuture<Reply> answer) {
        var unused = answer.whenComplete((reply, e) -> LockSupport.unpark(thread));
        long end = lastSentNanos + TimeUnit.MILLISECONDS.toNanos(settings.requestTimeoutMs());
        while (!answer.isDone()) {
            if (stopping) {
                return null;
            }
            Wire open = wire;
            if (open == null || open.gone().isDone()) {
                lost("the device closed the connection");
                return null;
            }
            long now = System.nanoTime();
            if (now - end >= 0) {
                lost("no answer within " + settings.requestTimeoutMs() + " ms");
                return null;
            }
            tick(now);
            park(end - now);
        }
        try {
            Reply reply = answer.join();
            answered(reply);
            return reply;
        } catch (CompletionException | CancellationException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            LOG.debug("{}: request failed", settings.name(), cause);
            lost("the request failed: " + cause);
            return null;
        }
    }

    private @Nullable Reply read(Area area, int start, int count) {
        Wire open = wire;
        if (open == null || stopping) {
            return null;
        }
        lastSentNanos = System.nanoTime();
        return await(open.read(area, start, count));
    }

    /** Writes and direct reads go first; whether there was any. */
    private boolean serveOperations() {
        boolean any = false;
        while (wire != null && !stopping) {
            Operation operation = operations.poll();
            if (operation == null) {
                return any;
            }
            any = true;
            if (operation.deadlineNanos - System.nanoTime() <= 0) {
                operation.fail(StatusCode.BAD_TIMEOUT, wallNs());
                continue;
            }
            current = operation;
            try {
                perform(operation, table.owner(operation.element));
            } finally {
                // A device that was lost in between may or may not have taken the value.
                operation.fail(stopping ? StatusCode.BAD_NOT_CONNECTED : StatusCode.BAD_TIMEOUT, wallNs());
                current = null;
            }
        }
        return any;
    }

    private void perform(Operation operation, Item item) {
        int element = operation.element - item.first();
        int start = item.elementStart(element);
        if (operation.values == null) {
            Reply reply = read(item.area(), start, item.elementCount());
            if (reply != null && reply.code() == Code.OK) {
                long nanos = midpoint(reply);
                double value = item.value(element, reply.values(), start);
                int valueStatus = Item.status(value);
                operation.seen.complete(new Sample(
                        operation.tag,
                        StatusCode.isBad(valueStatus) ? Double.NaN : value,
                        valueStatus,
                        sourceClock.at(nanos),
                        nanos));
            } else if (reply != null) {
                operation.fail(reply.code().status, wallNs());
            }
            return;
        }
        Wire open = wire;
        if (open == null) {
            return;
        }
        lastSentNanos = System.nanoTime();
        Reply reply = await(open.write(item.area(), start, operation.values));
        if (reply != null) {
            operation.written.complete(reply.code() == Code.DATA ? StatusCode.BAD_OUT_OF_RANGE : reply.code().status);
        }
    }

    private long midpoint(Reply reply) {
        return lastSentNanos + (reply.nanos() - lastSentNanos) / 2;
    }

    private void poll(Group group) {
        if (round.run(group) && group.advance(System.nanoTime()) == LATE_POLLS && !lateTold) {
            lateTold = true;
            LOG.warn(
                    "{}: the tags of {} ms cannot be read that often; polls are left out; use a longer period",
                    settings.name(),
                    group.periodMs());
        }
    }

    /** The device as a poll sees it. */
    private final class PolledDevice implements PollRound.Device {
        /** Between two requests of a slow group a faster one has its turn, once, so that both go on. */
        @Override
        public void turn(Group running) {
            Group faster = plan.faster(running, System.nanoTime());
            if (faster != null) {
                poll(faster);
            }
        }

        @Override
        public @Nullable Reply read(Block block) {
            serveOperations();
            return PlcPoller.this.read(block.area(), block.start(), block.count());
        }

        @Override
        public void good(Block block, Reply reply) {
            publish(block, reply);
        }

        @Override
        public void bad(List<Item> items, Code code) {
            publishBad(items, code);
        }

        @Override
        public void refused(Item item, Code code, boolean news) {
            if (news) {
                LOG.warn(
                        "{}: {}; it is left out and tried again every {} ms; correct etc/tags/{}",
                        settings.name(),
                        PollPlan.describe(item, code),
                        settings.reprobeMs(),
                        settings.tags());
            }
            refreshStatus();
        }

        @Override
        public void accepted(Item item) {
            LOG.info(
                    "{}: {} at {} answers again",
                    settings.name(),
                    item.definition().id(),
                    item.address());
            refreshStatus();
        }
    }

    private void publish(Block block, Reply reply) {
        long nanos = midpoint(reply);
        long sourceNs = sourceClock.at(nanos);
        for (Item item : block.items()) {
            for (int i = 0; i < item.definition().length(); i++) {
                double value = item.value(i, reply.values(), block.start());
                hub.publish(item.first() + i, value, Item.status(value), sourceNs, nanos);
            }
        }
        hub.batchEnd();
    }

    private void publishBad(List<Item> items, Code code) {
        long nanos = System.nanoTime();
        long sourceNs = sourceClock.at(nanos);
        for (Item item : items) {
            for (int i = 0; i < item.definition().length(); i++) {
                hub.publish(item.first() + i, Double.NaN, code.status, sourceNs, nanos);
            }
        }
        hub.batchEnd();
    }

    private void end() {
        abandonOpening();
        Wire open = wire;
        wire = null;
        if (open != null) {
            open.close();
        }
        link.closed();
        refreshStatus();
        for (Operation operation = operations.poll(); operation != null; operation = operations.poll()) {
            operation.fail(StatusCode.BAD_NOT_CONNECTED, wallNs());
        }
        try {
            if (open != null) {
                open.awaitClosed(1000);
            }
            Thread opens = openingThread;
            if (opens != null) {
                opens.join(500);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
