// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.plc4x;

import java.net.InetSocketAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.plc4x.java.api.exceptions.PlcRuntimeException;
import org.apache.plc4x.java.spi.configuration.HasConfiguration;
import org.apache.plc4x.java.spi.configuration.PlcTransportConfiguration;
import org.apache.plc4x.java.spi.connection.ChannelFactory;
import org.apache.plc4x.java.spi.transport.Transport;
import org.apache.plc4x.java.transport.tcp.DefaultTcpTransportConfiguration;
import org.apache.plc4x.java.transport.tcp.TcpTransportConfiguration;

/**
 * TCP for PLC4X, in place of its own transport of the code {@code tcp}, which (0.13.1) prints a stack trace for every refused
 * connection, takes 2 s to close, and leaves a timer and four other threads behind when the device closes first.
 *
 * <p>Found by PLC4X through {@link java.util.ServiceLoader}; address form {@code host:port/connectorName}.
 */
public final class QuietTcpTransport implements Transport, HasConfiguration<TcpTransportConfiguration> {
    static final String CODE = "penstock";

    private static final Pattern ADDRESS = Pattern.compile("(.+):([0-9]+)/([A-Za-z0-9_-]+)");

    private TcpTransportConfiguration configuration = new DefaultTcpTransportConfiguration();

    @Override
    public String getTransportCode() {
        return CODE;
    }

    @Override
    public String getTransportName() {
        return "TCP that leaves nothing behind";
    }

    @Override
    public Class<? extends PlcTransportConfiguration> getTransportConfigType() {
        return DefaultTcpTransportConfiguration.class;
    }

    @Override
    public void setConfiguration(TcpTransportConfiguration configuration) {
        this.configuration = configuration;
    }

    @Override
    public ChannelFactory createChannelFactory(String address) {
        Matcher parts = ADDRESS.matcher(address);
        if (!parts.matches()) {
            throw new PlcRuntimeException("address: host:port/name is needed, was " + address);
        }
        return new QuietTcpChannelFactory(
                new InetSocketAddress(parts.group(1), Integer.parseInt(parts.group(2))),
                parts.group(3),
                configuration.getConnectTimeout());
    }
}
