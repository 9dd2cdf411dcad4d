// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

/** Why there is no connection, in words for a person and with the next step. */
final class LinkException extends Exception {
    private static final long serialVersionUID = 1;

    private final boolean trust;

    LinkException(String message, Throwable cause) {
        this(message, cause, false);
    }

    LinkException(String message, Throwable cause, boolean trust) {
        super(message, cause);
        this.trust = trust;
    }

    LinkException(String message) {
        super(message);
        trust = false;
    }

    /** Whether a change in the trust folders may mend it. */
    boolean trust() {
        return trust;
    }
}
