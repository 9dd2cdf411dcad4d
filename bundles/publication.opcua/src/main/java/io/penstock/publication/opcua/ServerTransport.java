// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.eclipse.milo.opcua.stack.core.util.FutureUtils.failedUaFuture;

import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.channel.SecurityKeysListener;
import org.eclipse.milo.opcua.stack.core.encoding.EncodingContext;
import org.eclipse.milo.opcua.stack.core.security.CertificateManager;
import org.eclipse.milo.opcua.stack.core.types.UaRequestMessageType;
import org.eclipse.milo.opcua.stack.core.types.UaResponseMessageType;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned;
import org.eclipse.milo.opcua.stack.core.types.structured.EndpointDescription;
import org.eclipse.milo.opcua.stack.core.types.structured.PublishRequest;
import org.eclipse.milo.opcua.stack.transport.server.OpcServerTransport;
import org.eclipse.milo.opcua.stack.transport.server.ServerApplicationContext;
import org.eclipse.milo.opcua.stack.transport.server.ServiceRequestContext;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransport;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransportConfig;
import org.eclipse.milo.opcua.stack.transport.server.tcp.RateLimitingHandler;
import org.jspecify.annotations.Nullable;

/** Milo's TCP transport behind our door: connections are admitted and guarded, requests counted, and put on the right threads. */
final class ServerTransport implements OpcServerTransport {
    /** Of unread answers of one client, from which on no further requests of it are read. */
    private static final WriteBufferWaterMark UNREAD = new WriteBufferWaterMark(32 << 10, 128 << 10);
    /** The kernel's buffers count too where the process has a memory limit. */
    private static final int SOCKET_BUFFER = 128 << 10;
    /** Connections that wait to be taken; see {@link AcceptPace}. */
    private static final int BACKLOG = 512;

    private final OpcTcpServerTransport milo;
    private final Connections connections;
    private final ServiceThreads services;
    private final AcceptPace pace = new AcceptPace(System::nanoTime);

    ServerTransport(Connections connections, ServiceThreads services, EventLoopGroup loop, ServerMemory memory) {
        this.connections = connections;
        this.services = services;
        milo = new OpcTcpServerTransport(OpcTcpServerTransportConfig.newBuilder()
                .setExecutor(services)
                .setEventLoop(loop)
                .setHelloDeadline(Unsigned.uint(MessageGuard.HANDSHAKE_MS))
                .setMaximumSecureChannelLifetime(Unsigned.uint(3_600_000))
                .setBootstrapCustomizer(bootstrap -> bootstrap
                        .option(ChannelOption.SO_RCVBUF, SOCKET_BUFFER)
                        .option(ChannelOption.SO_BACKLOG, BACKLOG)
                        .childOption(ChannelOption.ALLOCATOR, memory)
                        .childOption(ChannelOption.SO_SNDBUF, SOCKET_BUFFER)
                        .childOption(ChannelOption.SO_KEEPALIVE, true)
                        .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, UNREAD))
                .setChannelPipelineCustomizer(this::admit)
                .build());
    }

    /** Milo's own limit of connections per second and address knows nobody whom it must let in. */
    private void admit(ChannelPipeline pipeline) {
        pipeline.remove(RateLimitingHandler.class);
        pace.taken(pipeline.channel().parent());
        connections.admit(pipeline.channel());
    }

    @Override
    public void bind(ServerApplicationContext application, InetSocketAddress address) throws Exception {
        milo.bind(new Counted(application), address);
    }

    @Override
    public void unbind() {
        milo.unbind();
    }

    /** The application, which sees only requests that were counted. */
    private final class Counted implements ServerApplicationContext {
        private final ServerApplicationContext application;

        Counted(ServerApplicationContext application) {
            this.application = application;
        }

        @Override
        public CompletableFuture<UaResponseMessageType> handleServiceRequest(
                ServiceRequestContext context, UaRequestMessageType request) {
            Connection connection = Connection.of(context.getChannel());
            if (connection == null) {
                return failedUaFuture(StatusCodes.Bad_InternalError);
            }
            boolean publish = request instanceof PublishRequest;
            int bytes = publish ? 0 : connection.messageBytes;
            if (!connections.begin(connection, publish, bytes)) {
                return failedUaFuture(
                        publish ? StatusCodes.Bad_TooManyPublishRequests : StatusCodes.Bad_TooManyOperations);
            }
            CompletableFuture<UaResponseMessageType> answer;
            try {
                answer = services.dispatch(
                        connection, context, request, () -> application.handleServiceRequest(context, request));
            } catch (RejectedExecutionException e) {
                answer = failedUaFuture(StatusCodes.Bad_TooManyOperations);
            }
            return answer.thenCompose(AnswerSize::checked)
                    .whenComplete((response, failure) -> connections.end(connection, publish, bytes));
        }

        @Override
        public List<EndpointDescription> getEndpointDescriptions() {
            return application.getEndpointDescriptions();
        }

        @Override
        public CertificateManager getCertificateManager() {
            return application.getCertificateManager();
        }

        @Override
        public EncodingContext getEncodingContext() {
            return application.getEncodingContext();
        }

        @Override
        public Long getNextSecureChannelId() {
            return application.getNextSecureChannelId();
        }

        @Override
        public Long getNextSecureChannelTokenId() {
            return application.getNextSecureChannelTokenId();
        }

        @Override
        public @Nullable SecurityKeysListener getSecurityKeysListener() {
            return application.getSecurityKeysListener();
        }
    }
}
