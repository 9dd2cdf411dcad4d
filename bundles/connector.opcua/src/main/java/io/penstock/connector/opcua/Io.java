// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.ChannelGroupFuture;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.util.HashedWheelTimer;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.ImmediateEventExecutor;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned;
import org.eclipse.milo.opcua.stack.transport.client.tcp.OpcTcpClientTransportConfigBuilder;

/**
 * The threads of one connector. Milo's shared ones live as long as the JVM and belong to the OPC UA server as well, so none of
 * them is used and none is released here.
 */
final class Io {
    /** Milo waits in one task for another; with a single thread it stalls. */
    private static final int THREADS = 4;

    private final NioEventLoopGroup eventLoop;
    private final ThreadPoolExecutor executor;
    private final ScheduledThreadPoolExecutor scheduler;
    private final HashedWheelTimer timer;
    private final ChannelGroup channels = group();

    Io(String name) {
        eventLoop = new NioEventLoopGroup(1, threads("netty", name));
        // Its queue is bounded by the requests under way, each of which has a deadline.
        executor = new ThreadPoolExecutor(
                THREADS, THREADS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads("io", name));
        executor.allowCoreThreadTimeOut(true);
        executor.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
        scheduler = new ScheduledThreadPoolExecutor(1, threads("timer", name));
        scheduler.setRemoveOnCancelPolicy(true);
        scheduler.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        scheduler.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardPolicy());
        timer = new HashedWheelTimer(threads("deadlines", name), 20, TimeUnit.MILLISECONDS);
    }

    private static ThreadFactory threads(String role, String name) {
        AtomicInteger count = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, "connector.opcua-" + role + "-" + name + "-" + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    /** @param opened where the sockets of this transport go as well, so that one can be closed the hard way. */
    void configure(OpcTcpClientTransportConfigBuilder transport, long connectTimeoutMs, ChannelGroup opened) {
        transport
                .setConnectTimeout(Unsigned.uint(connectTimeoutMs))
                .setAcknowledgeTimeout(Unsigned.uint(connectTimeoutMs))
                .setEventLoop(eventLoop)
                .setExecutor(executor)
                .setScheduledExecutor(scheduler)
                .setWheelTimer(timer)
                .setChannelPipelineCustomizer(pipeline -> {
                    channels.add(pipeline.channel());
                    opened.add(pipeline.channel());
                });
    }

    static ChannelGroup group() {
        return new DefaultChannelGroup(ImmediateEventExecutor.INSTANCE);
    }

    Executor executor() {
        return executor;
    }

    void later(long delayMs, Runnable task) {
        ScheduledFuture<?> unused = after(delayMs, task);
    }

    ScheduledFuture<?> after(long delayMs, Runnable task) {
        return scheduler.schedule(task, delayMs, TimeUnit.MILLISECONDS);
    }

    /** Ends all threads, at most about 0.8 s. */
    void stop() {
        ChannelGroupFuture unused = channels.close();
        scheduler.shutdownNow();
        executor.shutdownNow();
        timer.stop();
        Future<?> ended = eventLoop.shutdownGracefully(0, 300, TimeUnit.MILLISECONDS);
        try {
            ended.await(400);
            executor.awaitTermination(200, TimeUnit.MILLISECONDS);
            scheduler.awaitTermination(200, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
