// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * From where somebody comes, as far as shares are counted: an IPv4 address, or the first 64 bits of an IPv6 address, because
 * one machine may take any address of its subnet (RFC 4291 §2.5.4).
 */
record Origin(String name) {
    static final Origin UNKNOWN = new Origin("unknown");
    private static final int PREFIX_BYTES = 8;

    static Origin of(@Nullable SocketAddress address) {
        return address instanceof InetSocketAddress inet ? of(inet.getAddress()) : UNKNOWN;
    }

    static Origin of(@Nullable InetAddress address) {
        if (address == null) {
            return UNKNOWN;
        }
        if (!(address instanceof Inet6Address) || address.isLoopbackAddress() || address.isLinkLocalAddress()) {
            return new Origin(address.getHostAddress());
        }
        byte[] prefix = Arrays.copyOf(Arrays.copyOf(address.getAddress(), PREFIX_BYTES), address.getAddress().length);
        try {
            return new Origin(InetAddress.getByAddress(prefix).getHostAddress() + "/64");
        } catch (UnknownHostException e) {
            return UNKNOWN; // it has the length of an address
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
