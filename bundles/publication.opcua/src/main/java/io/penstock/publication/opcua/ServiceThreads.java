// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.UaRequestMessageType;
import org.eclipse.milo.opcua.stack.core.types.builtin.ByteString;
import org.eclipse.milo.opcua.stack.core.types.structured.ActivateSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CloseSessionRequest;
import org.eclipse.milo.opcua.stack.core.types.structured.CreateSessionRequest;
import org.eclipse.milo.opcua.stack.transport.server.ServiceRequestContext;
import org.jspecify.annotations.Nullable;

/**
 * The threads of the server, in lanes: log-ins, requests of operators, requests of others, and the server's own timers. None
 * waits for another's lane, and within a lane the connections take turns, so that nobody waits behind one who asks much.
 */
final class ServiceThreads extends AbstractExecutorService {
    private static final int WAITING_OF_ONE = Connections.REQUESTS + Connections.PUBLISHES;

    private final Lane sessions;
    private final Lane operators;
    private final Lane others;
    private final ThreadPoolExecutor own;
    /** Milo puts a request on its executor in the call that takes it; this tells for whom. */
    private static final ThreadLocal<@Nullable Turn> TURN = new ThreadLocal<>();

    private record Turn(Lane lane, Object who) {}

    ServiceThreads(java.util.function.Function<String, ThreadFactory> threads) {
        sessions = new Lane(2, threads.apply("session"));
        operators = new Lane(6, threads.apply("operator"));
        others = new Lane(2, threads.apply("service"));
        // at most one timer for each session and subscription, and one task for each Publish: bounded by those
        own = pool(2, threads.apply("own"));
    }

    /** Takes a request, which the given work puts on this executor. */
    <T> T dispatch(
            Connection connection, ServiceRequestContext context, UaRequestMessageType request, Supplier<T> work) {
        Lane lane = request instanceof ActivateSessionRequest
                        || request instanceof CreateSessionRequest
                        || request instanceof CloseSessionRequest
                ? sessions
                : connection.operator() ? operators : others;
        TURN.set(new Turn(lane, lane == sessions ? device(connection, context) : connection));
        try {
            return work.get();
        } finally {
            TURN.remove();
        }
    }

    /** Checking a password takes long: who tries many, over however many connections, waits for its own only. */
    private static Object device(Connection connection, ServiceRequestContext context) {
        try {
            ByteString certificate = context.getSecureChannel().getRemoteCertificateBytes();
            return certificate == null || certificate.isNull() ? connection.origin : certificate;
        } catch (UaException e) {
            return connection.origin; // it has none
        }
    }

    @Override
    public void execute(Runnable work) {
        Turn now = TURN.get();
        if (now == null) {
            own.execute(work);
        } else {
            now.lane().execute(now.who(), work);
        }
    }

    /** How many requests wait for a thread. */
    int waiting() {
        return sessions.waiting() + operators.waiting() + others.waiting();
    }

    @Override
    public void shutdown() {
        pools().forEach(ThreadPoolExecutor::shutdown);
    }

    @Override
    public List<Runnable> shutdownNow() {
        List<Runnable> left = new ArrayList<>();
        pools().forEach(pool -> left.addAll(pool.shutdownNow()));
        return left;
    }

    @Override
    public boolean isShutdown() {
        return own.isShutdown();
    }

    @Override
    public boolean isTerminated() {
        return pools().stream().allMatch(ThreadPoolExecutor::isTerminated);
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
        long end = System.nanoTime() + unit.toNanos(timeout);
        for (ThreadPoolExecutor pool : pools()) {
            if (!pool.awaitTermination(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                return false;
            }
        }
        return true;
    }

    private List<ThreadPoolExecutor> pools() {
        return List.of(sessions.pool, operators.pool, others.pool, own);
    }

    private static ThreadPoolExecutor pool(int threads, ThreadFactory factory) {
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(threads, threads, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    /** Each gets a turn before anybody gets a second one. */
    static final class Lane {
        private final ThreadPoolExecutor pool;
        private final Map<Object, Deque<Runnable>> waiting = new LinkedHashMap<>();

        Lane(int threads, ThreadFactory factory) {
            pool = pool(threads, factory);
        }

        /** @throws RejectedExecutionException if too many of this one wait already. */
        void execute(Object who, Runnable work) {
            synchronized (waiting) {
                Deque<Runnable> mine = waiting.computeIfAbsent(who, one -> new ArrayDeque<>());
                if (mine.size() >= WAITING_OF_ONE) {
                    throw new RejectedExecutionException(mine.size() + " wait already");
                }
                mine.add(work);
            }
            pool.execute(this::runNext);
        }

        void shutdownNow() {
            pool.shutdownNow();
        }

        private void runNext() {
            Runnable work;
            synchronized (waiting) {
                Iterator<Map.Entry<Object, Deque<Runnable>>> first =
                        waiting.entrySet().iterator();
                if (!first.hasNext()) {
                    return;
                }
                Map.Entry<Object, Deque<Runnable>> next = first.next();
                Object who = next.getKey();
                Deque<Runnable> his = next.getValue();
                first.remove();
                work = his.remove();
                if (!his.isEmpty()) {
                    waiting.put(who, his);
                }
            }
            work.run();
        }

        int waiting() {
            synchronized (waiting) {
                return waiting.values().stream().mapToInt(Deque::size).sum();
            }
        }
    }
}
