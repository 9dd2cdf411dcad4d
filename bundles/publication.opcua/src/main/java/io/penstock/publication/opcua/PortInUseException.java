// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

/** The server cannot listen where it is told to; it is tried again. The message says where and what to do. */
final class PortInUseException extends Exception {
    private static final long serialVersionUID = 1L;

    PortInUseException(String message, Throwable cause) {
        super(message, cause);
    }
}
