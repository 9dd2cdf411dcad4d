// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.apache.plc4x.java.api.exceptions.PlcConnectionException;
import org.apache.plc4x.java.spi.connection.ChannelFactory;
import org.apache.plc4x.java.spi.events.CloseConnectionEvent;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens one TCP connection with one thread of its own; when it ends, by whichever side, so do all threads around it. */
final class QuietTcpChannelFactory implements ChannelFactory {
    private static final Logger LOG = LoggerFactory.getLogger(QuietTcpChannelFactory.class);

    private final InetSocketAddress remote;
    private final String name;
    private final int connectTimeoutMs;

    QuietTcpChannelFactory(InetSocketAddress remote, String name, int connectTimeoutMs) {
        this.remote = remote;
        this.name = name;
        this.connectTimeoutMs = connectTimeoutMs;
    }

    @Override
    public Channel createChannel(ChannelHandler handler) throws PlcConnectionException {
        if (remote.isUnresolved()) {
            throw new PlcConnectionException("no address is known for the host " + remote.getHostString());
        }
        EventLoopGroup group = new NioEventLoopGroup(1, new DefaultThreadFactory("connector.plc4x-wire-" + name, true));
        ChannelFuture connect = new Bootstrap()
                .group(group)
                .channel(NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, connectTimeoutMs)
                .handler(handler)
                .connect(remote);
        connect.channel().closeFuture().addListener(closed -> end(group));
        try {
            if (!connect.await(connectTimeoutMs + 1000L)) {
                var unused = connect.channel().close();
                end(group);
                throw new PlcConnectionException("no connection within " + connectTimeoutMs + " ms");
            }
        } catch (InterruptedException e) {
            var unused = connect.channel().close();
            end(group);
            Thread.currentThread().interrupt();
            throw new PlcConnectionException("interrupted", e);
        }
        if (!connect.isSuccess()) {
            end(group);
            throw new PlcConnectionException(String.valueOf(connect.cause().getMessage()), connect.cause());
        }
        return connect.channel();
    }

    private static void end(EventLoopGroup group) {
        var unused = group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    @Override
    public boolean isPassive() {
        return false;
    }

    @Override
    public void initializePipeline(ChannelPipeline pipeline) {
        pipeline.addFirst(
                new LengthFieldBasedFrameDecoder(
                        AnswerCheck.LONGEST_FRAME, AnswerCheck.LENGTH_AT, AnswerCheck.LENGTH_BYTES),
                new AnswerCheck(),
                new Cleanup());
    }

    /** PLC4X ends its timer and executor only where it closes the channel itself; this does it in the other cases. */
    private static final class Cleanup extends ChannelInboundHandlerAdapter {
        @Override
        public void channelInactive(ChannelHandlerContext context) {
            context.pipeline().fireUserEventTriggered(new CloseConnectionEvent());
            var unused = context.pipeline().close();
            context.fireChannelInactive();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            LOG.debug("Connection to {} fails", context.channel().remoteAddress(), cause);
            var unused = context.pipeline().close();
        }
    }
}
